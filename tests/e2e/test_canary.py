"""What people type stays where it belongs: planted canaries sing in no log, metric, span or leaf.

Names, addresses and texts go in through every door, well-formed and not; then everything that a
city tells operators and the public is searched for them. At last the persons are forgotten, and
every file of the city is searched.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cahier_cli.bundle import read_log
from cahier_cli.doors import Doors, TokenSource, patiently
from cahier_cli.storage import open_stores
from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError
from cahier_record.events import SERVICES

pytestmark = pytest.mark.e2e
CANARY = "zebulonqx"
"""In all that persons type, who can be forgotten."""
CITY_CANARY = "quibblezor"
"""In all that the city's staff and importers type, and in reports that are nobody's."""
PASSWORD = CANARY * 2
PLACE_E7, PLACE_OF_NOBODY_E7 = (436_123_987, 14_498_123), (451_239_861, 51_239_867)
UNITS = {f"cahier-{unit}" for unit in (*SERVICES, "portal")}
PLACE = ("436123987", "14498123", "43.6123987", "1.4498123")
PLACE_OF_NOBODY = ("451239861", "51239867", "45.1239861", "5.1239867")
SUNG = (CANARY, CITY_CANARY, *PLACE, *PLACE_OF_NOBODY)
FORGOTTEN = (CANARY, *PLACE)
PERSON_EMAIL = f"portal.{CANARY}@example.org"


@pytest.fixture(scope="module")
def planted(traced_city: Any, open_vote: str) -> SimpleNamespace:
    """A city into which canaries came over gRPC."""
    return asyncio.run(plant_over_grpc(traced_city))


async def plant_over_grpc(city: Any) -> SimpleNamespace:
    admin = TokenSource(city.folder, "admin")()
    async with Doors(city.folder) as doors:
        person = identity.RegisterResidentRequest(
            email=f"grpc.{CANARY}@example.org", display_name=f"Ann {CANARY}", password=PASSWORD
        )
        resident = (await doors.identity.RegisterResident(person)).resident_id
        roll = f"document_number,birth_date,postcode,district\n{CANARY},1980-01-31,31000,Centre\n"
        await doors.identity.LoadCensusRoll(
            identity.LoadCensusRollRequest(csv=roll.encode()), token=admin
        )
        await doors.identity.ImportResidents(
            identity.ImportResidentsRequest(source="A file", references=[f"voter {CITY_CANARY}"])
        )
        process = await plant_a_process(doors)
        proposal = await plant_a_proposal(doors, process, resident)
        await plant_a_budget(doors, proposal)
        report = await plant_a_report(doors, on_behalf_of=resident, canary=CANARY)
        await plant_a_report(doors, on_behalf_of="", canary=CITY_CANARY)
        codes = await plant_refusals(doors, person, proposal, admin)
    return SimpleNamespace(resident=resident, proposal=proposal, report=report, refusals=codes)


async def plant_a_process(doors: Doors) -> str:
    now = datetime.now(UTC)
    dates = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(days=9)}
    said = {"title": f"Process {CITY_CANARY}", "description": f"Described {CITY_CANARY}"}
    made = await doors.consultation.CreateProcess(
        consultation.CreateProcessRequest(**said, **dates)
    )
    await doors.consultation.RescheduleIdeaPhase(
        consultation.RescheduleIdeaPhaseRequest(
            process_id=made.process_id, reason=f"Moved {CITY_CANARY}", **dates
        )
    )
    return str(made.process_id)


async def plant_a_proposal(doors: Doors, process: str, resident: str) -> str:
    idea = consultation.SubmitProposalRequest(
        process_id=process,
        title=f"Title {CANARY}",
        body=f"Body {CANARY}",
        category="Parks",
        on_behalf_of=resident,
    )
    proposal = (await doors.proposers.SubmitProposal(idea)).proposal_id
    await doors.consultation.AnswerProposal(
        consultation.AnswerProposalRequest(
            proposal_id=proposal,
            state=consultation.PROPOSAL_STATE_ACCEPTED,
            text=f"Answer {CITY_CANARY}",
        )
    )
    return str(proposal)


async def plant_a_budget(doors: Doors, proposal: str) -> None:
    """A budget that takes the proposal as a project and finds it unfeasible."""
    now = datetime.now(UTC)
    rules = budget.Rules(vote_type="approval", rule="greedy")
    made = await doors.budget.CreateElection(
        budget.CreateElectionRequest(
            title=f"Budget {CITY_CANARY}",
            description=f"Described {CITY_CANARY}",
            envelope_cents=100,
            currency="EUR",
            opens_at=now + timedelta(days=1),
            closes_at=now + timedelta(days=2),
            rules=rules,
        )
    )
    of_it = {"election_id": made.election_id}
    await doors.budget.ChangeRules(
        budget.ChangeRulesRequest(**of_it, rules=rules, reason=f"Changed {CITY_CANARY}")
    )
    add = budget.AddProjectRequest(**of_it, proposal_id=proposal)
    added = await patiently(partial(doors.budget.AddProject, add), "proposal_not_accepted")
    await doors.budget.JudgeFeasibility(
        budget.JudgeFeasibilityRequest(
            **of_it,
            project_id=added.project_id,
            feasibility=budget.FEASIBILITY_UNFEASIBLE,
            reason=f"Unfeasible {CITY_CANARY}",
        )
    )


async def plant_a_report(doors: Doors, *, on_behalf_of: str, canary: str) -> str:
    potholes = reporting.Category(
        code="potholes", label="Potholes", department="Streets", anonymous=True
    )
    await doors.reporting.DefineCategory(
        reporting.DefineCategoryRequest(category=potholes), repeat=True
    )
    lat_e7, lon_e7 = PLACE_E7 if on_behalf_of else PLACE_OF_NOBODY_E7
    problem = reporting.ReportProblemRequest(
        category="potholes",
        description=f"Described {canary}",
        position=reporting.Position(lat_e7=lat_e7, lon_e7=lon_e7),
        address=f"1 {canary} street",
        on_behalf_of=on_behalf_of,
    )
    report = (await doors.reporters.ReportProblem(problem)).report_id
    text = {"report_id": report, "text": f"Answer {CITY_CANARY}"}
    for request in (
        reporting.RouteReportRequest(
            report_id=report, department="Roads", reason=f"Routed {CITY_CANARY}"
        ),
        reporting.AnswerReportRequest(**text, state=reporting.REPORT_STATE_PLANNED),
        reporting.CloseReportRequest(**text, outcome=reporting.REPORT_STATE_UNABLE_TO_FIX),
    ):
        method = type(request).DESCRIPTOR.name.removesuffix("Request")
        await getattr(doors.reporting, method)(request)
    return str(report)


async def plant_refusals(doors: Doors, person: Any, proposal: str, admin: str) -> list[str]:
    """The codes of refusals, each of a request with a canary in it."""
    refused = (
        doors.identity.RegisterResident(person),
        doors.identity.SignIn(identity.SignInRequest(email=person.email, password=CANARY)),
        doors.identity.GrantRole(
            identity.GrantRoleRequest(resident_id=CANARY, role=CANARY), token=admin
        ),
        doors.identity.LoadCensusRoll(
            identity.LoadCensusRollRequest(csv=f"{CANARY},\xff".encode("latin-1")), token=admin
        ),
        doors.identity.EraseSubject(
            identity.EraseSubjectRequest(subject_id=CANARY, basis=CANARY), token=admin
        ),
        doors.identity.ExportSubject(identity.ExportSubjectRequest(subject_id=CANARY), token=admin),
        doors.identity.GetErasure(identity.GetErasureRequest(erasure_id=CANARY)),
        doors.consultation.GetProposal(consultation.GetProposalRequest(proposal_id=CANARY)),
        doors.consultation.GetProposal(
            consultation.GetProposalRequest(proposal_id=proposal), token=CANARY
        ),
        doors.consultation.ListProposals(
            consultation.ListProposalsRequest(process_id=CANARY, page_token=CANARY)
        ),
        doors.proposers.SubmitProposal(
            consultation.SubmitProposalRequest(process_id=CANARY, title=CANARY * 1_000)
        ),
        doors.reporters.ReportProblem(
            reporting.ReportProblemRequest(category=CANARY, description=CANARY)
        ),
        doors.budget.CreateElection(budget.CreateElectionRequest(title=CANARY, currency=CANARY)),
    )
    return [await refusal_of(call) for call in refused]


async def refusal_of(call: Any) -> str:
    try:
        await call
    except DomainError as refusal:
        return refusal.code
    return ""


def plant_at_the_portal(planted: Any, visitor: Callable[[], Any]) -> Any:
    """A visitor with a singing name registers, follows, comments, and gets much wrong.

    Answers the visitor, who is signed in.
    """
    person = visitor()
    person.register(f"Bob {CANARY}", PERSON_EMAIL, PASSWORD)
    person.go(f"/proposals/{planted.proposal}")
    assert person.send("/me/follows", level="all", step="follow").status_code == 200
    person.go(f"/proposals/{planted.proposal}")
    assert person.send("/comments", body=f"Comment {CANARY}").status_code == 200
    person.go("/reports/new")
    problem = {"description": f"Seen {CANARY}", "address": f"2 {CANARY} street"}
    where = {"category": "potholes", "lat": "43.6123987", "lon": "1.4498123"}
    assert person.send("/reports/new", step="send", **problem, **where).status_code == 200
    person.go("/me/erase")
    assert person.send("/me/erase", password=f"wrong {CANARY}").status_code == 422
    assert CANARY in person.go("/me/export").text
    person.go("/me")
    person.send("/me/residence", document_number=f"no {CANARY}", birth_date=CANARY, postcode=CANARY)
    stranger = visitor()
    stranger.go("/sign-in")
    stranger.send("/sign-in", email=PERSON_EMAIL, password=CANARY)
    stranger.go("/register")
    stranger.send("/register", display_name=CANARY * 500, email=CANARY, password=CANARY)
    for path in (
        f"/{CANARY}",
        f"/proposals/{CANARY}",
        f"/sign-in?next=/{CANARY}",
        f"/?q={CANARY}",
        f"/erasure/{CANARY}",
        f"/receipt/{CANARY}",
        f"/disclosures/identity/{CANARY}",
    ):
        stranger.go(path)
    stranger.http.request(CANARY.upper(), f"/{CANARY}", headers={"x-person": CANARY})
    stranger.http.cookies.set("session", CANARY)
    stranger.go("/me")
    return person


def walk_through_every_unit(person: Any, proposal: str) -> str:
    """The trace of a walk on which every unit works: what was sent before it comes before it."""
    trace = secrets.token_hex(16)
    person.http.headers["traceparent"] = f"00-{trace}-{secrets.token_hex(8)}-01"
    for path in ("/me", f"/proposals/{proposal}", "/budgets", "/reports"):
        person.go(path)
    return trace


def told_to_operators(city: Any, collector: Any) -> Iterator[tuple[str, bytes]]:
    for log in sorted((city.folder.root / "logs").glob("*.log")):
        yield log.name, log.read_bytes()
    for unit, base in city.running["metrics"].items():
        for path in ("metrics", "readyz", "traces"):
            yield f"{unit}/{path}", httpx.get(f"{base}/{path}", trust_env=False).content
    yield "spans", collector.raw


def told_to_the_public(city: Any, bundle: Path) -> Iterator[tuple[str, bytes]]:
    """Leaves as they are stored, and every file of the published logs but texts that stand."""
    with open_stores(city.folder) as stores_of:
        for service in SERVICES:
            for row in read_log(stores_of(service)):
                yield f"leaf {row.public_seq} of {service}", row.leaf
    for service in SERVICES:
        folder = city.folder.unit(service) / "tlog"
        yield from (read_of("tile", file) for file in folder.rglob("*") if file.is_file())
        for name in ("checkpoint", "key", "policy"):
            answer = httpx.get(f"{city.url}/tlog/{service}/{name}", trust_env=False)
            yield f"served {name} of {service}", answer.content
    for file in bundle.rglob("*"):
        if file.is_file() and "disclosures" not in file.relative_to(bundle).parts:
            yield read_of("bundle", file)


def read_of(kind: str, file: Path) -> tuple[str, bytes]:
    return f"{kind} {file}", file.read_bytes()


async def relayed(city: Any) -> list[tuple[str, bytes]]:
    import nats

    client = await nats.connect(city.running["nats"])
    found = []
    try:
        js = client.jetstream()
        for stream in await js.streams_info():
            for seq in range(1, stream.state.last_seq + 1):
                with contextlib.suppress(nats.js.errors.NotFoundError):
                    message = await js.get_msg(stream.config.name, seq)
                    body = repr(message.headers).encode() + (message.data or b"")
                    found.append((f"message {seq} of {stream.config.name}", body))
    finally:
        await client.close()
    return found


@pytest.fixture(scope="module")
def person(traced_city: Any, planted: Any, visitor_class: Any) -> Any:
    """Whoever planted canaries at the portal, still signed in; a mail has come of it."""
    here = plant_at_the_portal(planted, lambda: visitor_class(traced_city.url))
    traced_city.wait_until(
        "the follower's mail", lambda: any(CANARY in mail for mail in mails(traced_city))
    )
    return here


def mails(city: Any) -> list[str]:
    folder = city.folder.unit("notifications") / "captured"
    return [file.read_text("utf-8") for file in folder.glob("*.eml")]


def test_nothing_that_people_type_is_told_to_operators_or_stands_in_the_public_log(
    traced_city: Any,
    collector: Any,
    planted: Any,
    person: Any,
    visitor: Callable[[], Any],
    cahier: Any,
    tmp_path: Path,
) -> None:
    assert all(planted.refusals), planted.refusals
    page = visitor().go(f"/proposals/{planted.proposal}").text
    assert all(f"{kind} {CANARY}" in page for kind in ("Title", "Body", "Comment"))
    assert f"Answer {CITY_CANARY}" in page
    walk = walk_through_every_unit(person, planted.proposal)
    traced_city.wait_until(
        "the last spans",
        lambda: {each.unit for each in collector.spans if each.trace == walk} == UNITS,
    )
    bundle = tmp_path / "bundle"
    done = cahier("export", "bundle", bundle, "--data", traced_city.folder.root)
    assert done.returncode == 0, done.stderr
    told = [
        *told_to_operators(traced_city, collector),
        *told_to_the_public(traced_city, bundle),
        *asyncio.run(relayed(traced_city)),
    ]
    kinds = {name.partition(" ")[0] for name, _ in told}
    assert {"portal.log", "portal/metrics", "spans", "leaf", "message"} <= kinds
    assert {"tile", "served", "bundle"} <= kinds
    assert sum(name.startswith("leaf") for name, _ in told) > 30
    singing = {name for name, text in told for note in SUNG if note.encode() in text.lower()}
    assert singing == set()


def test_forgotten_persons_are_in_no_file_of_the_city(
    traced_city: Any, planted: Any, person: Any, visitor: Callable[[], Any]
) -> None:
    """The stores' and the broker's files among them, while the city runs on.

    What staff and strangers wrote stays: the city's own canary sings on, so the search hears.
    """
    assert all((traced_city.files_with(CANARY), traced_city.files_with(*PLACE)))
    person.go("/me/erase")
    assert person.send("/me/erase", password=PASSWORD).status_code == 200
    reports = [str(person.page.url.path), asyncio.run(forget_by_order(traced_city, planted))]
    for path in reports:
        traced_city.wait_until(
            "all confirm", partial(says, visitor(), path, "Everything is erased")
        )
    traced_city.wait_until("no file holds them", lambda: traced_city.files_with(*FORGOTTEN) == [])
    stores = ("consultation/events.db", "postgres/data/base/")
    assert any(file.startswith(stores) for file in traced_city.files_with(CITY_CANARY))


async def forget_by_order(city: Any, planted: Any) -> str:
    """Has an authority order that the resident of the gRPC door is forgotten."""
    admin = TokenSource(city.folder, "admin")()
    asked = identity.EraseSubjectRequest(subject_id=planted.resident, basis="order")
    async with Doors(city.folder) as doors:
        return f"/erasure/{(await doors.identity.EraseSubject(asked, token=admin)).erasure_id}"


def says(somebody: Any, path: str, words: str) -> bool:
    return words in somebody.go(path).text
