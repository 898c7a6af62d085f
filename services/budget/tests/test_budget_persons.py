"""What a person gets of what budget holds on them: what they said as one of three who assess."""

from uuid import uuid4

import pytest

from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.errors import DomainError


async def test_who_assessed_gets_it_handed_out_and_nobody_else_does(service, new_request):
    staff = await service.stub(service.token("staff"))
    (proposal,) = await service.accepted(1)
    id = (await staff.CreateElection(new_request(service.clock.now()))).election_id
    await staff.ChooseAnalysis(life.ChooseAnalysisRequest(election_id=id, analysis="three"))
    project = await service.add_project(staff, id, proposal)
    ann, bob = str(uuid4()), str(uuid4())
    analyst = await service.stub(service.token("analyst", subject=ann))
    said = await analyst.AssessProject(
        life.AssessProjectRequest(
            election_id=id,
            project_id=project,
            role="analyst",
            feasibility="feasible",
            estimate_cents=45_00,
            grounds="The ground bears it.",
        )
    )
    (held,) = (await analyst.ExportSubject(pb.ExportSubjectRequest(subject_id=ann))).items
    assert (held.kind, held.id, held.event_id) == ("assessment", project, said.event_id)
    assert held.values["grounds"] == "The ground bears it."
    assert held.at.ToDatetime()
    supervisor = await service.stub(service.token("supervisor", subject=bob))
    assert not (await supervisor.ExportSubject(pb.ExportSubjectRequest(subject_id=bob))).items
    with pytest.raises(DomainError) as refusal:
        await supervisor.ExportSubject(pb.ExportSubjectRequest(subject_id=ann))
    assert refusal.value.code == "role_required"
