"""A person of a whole city is forgotten by every service, and stays so when a backup comes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cahier_cli.doors import Doors
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError
from cahier_kernel.texts import ERASED

pytestmark = pytest.mark.e2e
CANARY = "qwanteraxo"
MAIL, PASSWORD = f"{CANARY}@example.org", f"{CANARY}-secret-word"
ERASED_BY = {
    "identity": 4,
    "consultation": 3,
    "reporting": 3,
    "budget": 0,
    "notifications": 3,
}
OWNERS = ("identity", "consultation", "reporting", "notifications")
SERVICES = (*OWNERS, "budget")


async def register(doors: Doors) -> SimpleNamespace:
    """Somebody new, and tokens of theirs by service."""
    person = identity.RegisterResidentRequest(
        email=MAIL, display_name=f"Ann {CANARY}", password=PASSWORD
    )
    made = await doors.identity.RegisterResident(person)
    session = await doors.identity.SignIn(identity.SignInRequest(email=MAIL, password=PASSWORD))
    tokens = {}
    for service in OWNERS:
        asked = identity.IssueAccessTokenRequest(
            session_token=session.session_token, audience=service
        )
        tokens[service] = (await doors.identity.IssueAccessToken(asked)).access_token
    return SimpleNamespace(id=made.resident_id, tokens=tokens)


async def act(doors: Doors) -> SimpleNamespace:
    """A person writes, reports and follows."""
    ann = await register(doors)
    now = datetime.now(UTC)
    process = await doors.consultation.CreateProcess(
        consultation.CreateProcessRequest(
            title="Budget", opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=9)
        )
    )
    made = await doors.consultation.SubmitProposal(
        consultation.SubmitProposalRequest(
            process_id=process.process_id, title=f"Title {CANARY}", body=f"Body {CANARY}"
        ),
        token=ann.tokens["consultation"],
    )
    category = reporting.Category(code="light", label="Light", department="traffic", promise_days=4)
    await doors.reporting.DefineCategory(reporting.DefineCategoryRequest(category=category))
    report = await doors.reporting.ReportProblem(
        reporting.ReportProblemRequest(
            category="light", address=f"3 rue {CANARY}", description=f"Dark {CANARY}"
        ),
        token=ann.tokens["reporting"],
    )
    await follow(doors, made.proposal_id, ann.tokens["notifications"])
    return SimpleNamespace(person=ann, proposal=made.proposal_id, report=report.report_id)


async def follow(doors: Doors, proposal: str, token: str) -> None:
    """As soon as notifications has heard of the proposal."""
    request = notifications.FollowRequest(
        thing_kind=notifications.THING_KIND_PROPOSAL,
        thing_id=proposal,
        level=notifications.FOLLOW_LEVEL_ALL,
    )
    for _ in range(200):
        try:
            await doors.notifications.Follow(request, token=token)
            return
        except DomainError as error:
            if error.code != "thing_not_found":
                raise
            await asyncio.sleep(0.1)
    raise AssertionError("notifications never heard of the proposal")


async def complete(doors: Doors, erasure_id: str) -> Any:
    for _ in range(300):
        report = await doors.identity.GetErasure(identity.GetErasureRequest(erasure_id=erasure_id))
        if report.complete:
            return report
        await asyncio.sleep(0.1)
    raise AssertionError(f"not every service has confirmed: {report}")


async def shown(doors: Doors, acted: SimpleNamespace) -> tuple[str, str]:
    """The title of the proposal and the description of the report."""
    proposal = await doors.consultation.GetProposal(
        consultation.GetProposalRequest(proposal_id=acted.proposal)
    )
    report = await doors.reporting.GetReport(reporting.GetReportRequest(report_id=acted.report))
    return proposal.proposal.title, report.report.description


async def forget(city: Any, acted: SimpleNamespace) -> Any:
    async with Doors(city.folder) as doors:
        assert (await shown(doors, acted))[0] == f"Title {CANARY}"
        asked = identity.EraseSubjectRequest(subject_id=acted.person.id)
        with pytest.raises(DomainError, match="role_required"):
            await doors.identity.EraseSubject(asked)  # an importer is not that person
        done = await doors.identity.EraseSubject(asked, token=acted.person.tokens["identity"])
        return await complete(doors, done.erasure_id)


def test_every_service_forgets_a_person_and_a_backup_does_not_remember(
    city: Any, cahier: Any, tmp_path: Path
) -> None:
    acted = asyncio.run(_prepare(city))
    city.stop()
    backup = tmp_path / "backup"
    city.back_up(backup, *SERVICES)
    city.start()
    report = asyncio.run(forget(city, acted))
    erased = {each.service: each.erased for each in report.services}
    assert erased == ERASED_BY
    assert asyncio.run(_shown(city, acted)) == (ERASED, ERASED)
    refused = httpx.get(f"{city.url}/api/v1/proposals/{acted.proposal}", trust_env=False)
    assert CANARY not in refused.text
    city.stop()
    assert city.files_with(CANARY) == []
    city.put_back(backup, *SERVICES)
    with pytest.raises(RuntimeError, match="ended with 2"):
        city.start()
    for service in SERVICES:
        opened = cahier("log", "epoch", service, "--reason", "restored", "--data", city.folder.root)
        assert opened.returncode == 0, opened.stderr
    assert city.files_with(CANARY)
    city.start()
    assert asyncio.run(_shown(city, acted)) == (ERASED, ERASED)
    asyncio.run(_cannot_sign_in(city))
    again = asyncio.run(_complete(city, report.erasure_id))
    assert {each.service for each in again.services} == set(ERASED_BY)
    city.stop()
    assert city.files_with(CANARY) == []
    auditors_account(cahier, city, tmp_path / "bundle")


def auditors_account(cahier: Any, city: Any, bundle: Path) -> None:
    """The logs verify, and tell of every store that came back from the backup what it lost."""
    exported = cahier("export", "bundle", bundle, "--data", city.folder.root)
    assert exported.returncode == 0, exported.stderr
    command = [str(Path(sys.executable).parent / "cahier-audit"), "verify", str(bundle)]
    audit = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert all(f"{service}/2: began anew" in audit.stdout for service in SERVICES)
    exported_files = [file for file in bundle.rglob("*") if file.is_file()]
    assert [file for file in exported_files if CANARY.encode() in file.read_bytes()] == []


@pytest.mark.slow
def test_a_city_on_postgresql_forgets_a_person(new_city: Any) -> None:
    city = new_city("--dev-clock", CAHIER_STORE="postgres")
    city.start()
    acted = asyncio.run(_prepare(city))
    report = asyncio.run(forget(city, acted))
    assert {each.service: each.erased for each in report.services} == ERASED_BY
    assert asyncio.run(_shown(city, acted)) == (ERASED, ERASED)
    city.stop()
    city.start()
    assert asyncio.run(_shown(city, acted)) == (ERASED, ERASED)
    asyncio.run(_cannot_sign_in(city))


async def _prepare(city: Any) -> SimpleNamespace:
    async with Doors(city.folder) as doors:
        return await act(doors)


async def _shown(city: Any, acted: SimpleNamespace) -> tuple[str, str]:
    async with Doors(city.folder) as doors:
        return await shown(doors, acted)


async def _complete(city: Any, erasure_id: str) -> Any:
    async with Doors(city.folder) as doors:
        return await complete(doors, erasure_id)


async def _cannot_sign_in(city: Any) -> None:
    async with Doors(city.folder) as doors:
        with pytest.raises(DomainError, match="sign_in_refused"):
            await doors.identity.SignIn(identity.SignInRequest(email=MAIL, password=PASSWORD))
