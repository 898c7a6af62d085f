"""What people type stays where it belongs: planted canaries sing in no log, metric, span or leaf.

Names, addresses and texts go in through every door, well-formed and not; then everything that a
city tells operators and the public is searched for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cahier_cli.bundle import read_log
from cahier_cli.city import SERVICES
from cahier_cli.doors import Doors, TokenSource
from cahier_cli.storage import open_stores
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError

pytestmark = pytest.mark.e2e
CANARY = "zebulonqx"
LATITUDE_E7, LONGITUDE_E7 = 436_123_987, 14_498_123
UNITS = {f"cahier-{unit}" for unit in (*SERVICES, "portal")}
SUNG = (CANARY, str(LATITUDE_E7), str(LONGITUDE_E7), "43.6123987", "1.4498123")


@pytest.fixture(scope="module")
def planted(traced_city: Any, open_vote: str) -> SimpleNamespace:
    """A city into which canaries came over gRPC."""
    return asyncio.run(plant_over_grpc(traced_city))


async def plant_over_grpc(city: Any) -> SimpleNamespace:
    admin = TokenSource(city.folder, "admin")()
    async with Doors(city.folder) as doors:
        person = identity.RegisterResidentRequest(
            email=f"grpc.{CANARY}@example.org", display_name=f"Ann {CANARY}", password=CANARY * 2
        )
        resident = (await doors.identity.RegisterResident(person)).resident_id
        roll = f"document_number,birth_date,postcode,district\n{CANARY},1980-01-31,31000,Centre\n"
        await doors.identity.LoadCensusRoll(
            identity.LoadCensusRollRequest(csv=roll.encode()), token=admin
        )
        listed = await doors.consultation.ListProcesses(consultation.ListProcessesRequest())
        idea = consultation.SubmitProposalRequest(
            process_id=listed.processes[0].process_id,
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
                text=f"Answer {CANARY}",
            )
        )
        potholes = reporting.Category(
            code="potholes", label="Potholes", department="Streets", anonymous=True
        )
        await doors.reporting.DefineCategory(
            reporting.DefineCategoryRequest(category=potholes), repeat=True
        )
        problem = reporting.ReportProblemRequest(
            category="potholes",
            description=f"Described {CANARY}",
            position=reporting.Position(lat_e7=LATITUDE_E7, lon_e7=LONGITUDE_E7),
            address=f"1 {CANARY} street",
        )
        report = (await doors.reporters.ReportProblem(problem)).report_id
        refused = (
            doors.identity.RegisterResident(person),
            doors.identity.SignIn(identity.SignInRequest(email=person.email, password=CANARY)),
            doors.identity.GrantRole(
                identity.GrantRoleRequest(resident_id=CANARY, role=CANARY), token=admin
            ),
            doors.identity.LoadCensusRoll(
                identity.LoadCensusRollRequest(csv=f"{CANARY},\xff".encode("latin-1")), token=admin
            ),
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
        )
        codes = [await refusal_of(call) for call in refused]
    return SimpleNamespace(proposal=proposal, report=report, refusals=codes)


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
    person.register(f"Bob {CANARY}", f"portal.{CANARY}@example.org", CANARY * 2)
    person.go(f"/proposals/{planted.proposal}")
    assert person.send("/me/follows", level="all", step="follow").status_code == 200
    person.go(f"/proposals/{planted.proposal}")
    assert person.send("/comments", body=f"Comment {CANARY}").status_code == 200
    person.go("/me")
    person.send("/me/residence", document_number=f"no {CANARY}", birth_date=CANARY, postcode=CANARY)
    stranger = visitor()
    stranger.go("/sign-in")
    stranger.send("/sign-in", email=f"portal.{CANARY}@example.org", password=CANARY)
    stranger.go("/register")
    stranger.send("/register", display_name=CANARY * 500, email=CANARY, password=CANARY)
    for path in (f"/{CANARY}", f"/proposals/{CANARY}", f"/sign-in?next=/{CANARY}", f"/?q={CANARY}"):
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


def told_to_the_public(city: Any) -> Iterator[tuple[str, bytes]]:
    with open_stores(city.folder) as stores_of:
        for service in SERVICES:
            for row in read_log(stores_of(service)):
                yield f"leaf {row.public_seq} of {service}", row.leaf


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


def test_nothing_that_people_type_is_told_to_operators_or_stands_in_the_public_log(
    traced_city: Any, collector: Any, planted: Any, visitor: Callable[[], Any]
) -> None:
    assert all(planted.refusals), planted.refusals
    person = plant_at_the_portal(planted, visitor)
    page = visitor().go(f"/proposals/{planted.proposal}").text
    assert all(f"{kind} {CANARY}" in page for kind in ("Title", "Body", "Answer", "Comment"))
    mails = traced_city.folder.unit("notifications") / "captured"
    traced_city.wait_until(
        "the follower's mail",
        lambda: any(CANARY in file.read_text("utf-8") for file in mails.glob("*.eml")),
    )
    walk = walk_through_every_unit(person, planted.proposal)
    traced_city.wait_until(
        "the last spans",
        lambda: {each.unit for each in collector.spans if each.trace == walk} == UNITS,
    )
    told = [
        *told_to_operators(traced_city, collector),
        *told_to_the_public(traced_city),
        *asyncio.run(relayed(traced_city)),
    ]
    kinds = {name.partition(" ")[0] for name, _ in told}
    assert {"portal.log", "portal/metrics", "spans", "leaf", "message"} <= kinds
    assert sum(name.startswith("leaf") for name, _ in told) > 30
    singing = {name for name, text in told for note in SUNG if note.encode() in text.lower()}
    assert singing == set()
