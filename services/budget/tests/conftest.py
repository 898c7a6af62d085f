"""A small kit for the budget's tests: elections, ballots, and the service itself for real."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cahier_budget.adapters.assessors import AssessorNames
from cahier_budget.adapters.opening import OpeningProcesses
from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.application.casting import Casting
from cahier_budget.application.commands import Commands
from cahier_budget.application.counting import count_from_log
from cahier_budget.application.elections import Elections
from cahier_budget.application.life import LifeCommands
from cahier_budget.application.ports import Consent
from cahier_budget.application.publishing import publish
from cahier_budget.bootstrap import bootstrap
from cahier_budget.domain.ballots import Envelope, Voter, vote_thing
from cahier_budget.domain.election import Election, NewElection
from cahier_budget.domain.project import AcceptedProposal
from cahier_budget.settings import BudgetSettings
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import write_key_pair
from cahier_chassis.nats import connect
from cahier_chassis.tokens import Claims, TokenIssuer
from cahier_chassis.unit import Unit
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub
from cahier_kernel.clock import FileClock, ManualClock
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend
from cahier_ledger.sealing import Sealer, ballot_binding, new_trustee_key
from cahier_record.budget.ballots import BallotPaper, encode_paper
from cahier_record.budget.events import Rules
from cahier_record.consultation.events import ProposalAnswered, ProposalSubmitted
from cahier_record.events import PublicEvent

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CITY = "testville"
_KEYS = new_trustee_key()


@dataclass
class Kit:
    """Builders; every value can be overridden by name."""

    now: datetime = NOW
    opens_at: datetime = NOW - timedelta(days=1)
    closes_at: datetime = NOW + timedelta(days=7)
    rules: Rules = field(
        default_factory=lambda: Rules(vote_type="approval", rule="greedy", max_length=3)
    )
    private_key: str = _KEYS[0]
    public_key: str = _KEYS[1]

    def new(self, **changes: Any) -> NewElection:
        """What staff say of an election, valid unless changed."""
        valid = NewElection(
            title="Our city",
            description="Two million for ideas.",
            process_id="",
            envelope_cents=100_00,
            currency="EUR",
            districts=("North", "South"),
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            rules=self.rules,
            ballot_extra_bytes=0,
            source="",
        )
        return replace(valid, **changes)

    def proposal(self, **changes: Any) -> AcceptedProposal:
        """An accepted proposal."""
        return replace(AcceptedProposal(str(uuid4()), "", "parks", "North"), **changes)

    def election(self, costs: tuple[int, ...] = (), **changes: Any) -> Election:
        """A preparing election with one feasible project for each cost."""
        election = Election.create(self.new(**changes), id=uuid4(), now=self.now)
        for cost in costs:
            self.feasible(election, cost)
        return election

    def feasible(self, election: Election, cost: int) -> str:
        """Adds a project, costs it, judges it feasible; returns its id."""
        project = election.add_project(
            self.proposal(), project_id=uuid4(), reference="", source="", now=self.now
        )
        election.cost_project(project.id, cost, now=self.now)
        election.judge(project.id, "feasible", "", now=self.now)
        return project.id

    def open_election(self, costs: tuple[int, ...] = (40_00, 50_00, 60_00)) -> Election:
        """An election in which one may vote."""
        election = self.election(costs)
        election.open_voting(self.public_key, now=self.now)
        return election

    def claims(self, *roles: str, subject: str = "someone", **more: Any) -> Claims:
        """Claims with these roles."""
        known: dict[str, Any] = {"thing": "", "district": "", "verified": False, "session": False}
        return Claims(
            subject=subject,
            roles=frozenset(roles),
            expires_at=self.now + timedelta(minutes=5),
            **{**known, **more},
        )

    def credential(self, number: int) -> str:
        """Somebody's pseudonym."""
        digest = hashlib.sha256(f"voter {number}".encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def voter(self, election_id: str, number: int = 1) -> Voter:
        """The holder of a vote token."""
        return Voter(False, self.credential(number), vote_thing(election_id), True)

    importer = Voter(True, "importer", "", False)

    def ballot(
        self,
        election_id: str,
        public_key: str,
        size: int,
        *choices: int,
        number: int = 1,
        sequence: int = 1,
        plaintext: bytes | None = None,
        extra: dict[str, str] | None = None,
    ) -> Envelope:
        """A sealed ballot of one credential."""
        credential = self.credential(number)
        paper = encode_paper(BallotPaper(choices, extra or {}))
        sealed = Sealer(public_key).seal(
            paper if plaintext is None else plaintext,
            binding=ballot_binding(election_id, "all", "confidential", credential, sequence),
            padded_size=size,
        )
        return Envelope(election_id, "all", "confidential", credential, sequence, sealed)


@pytest.fixture
def kit() -> Kit:
    """Builders of elections and ballots."""
    return Kit()


@dataclass
class Proposals:
    """ports.Proposals from a dict: proposals here need no stream of their own."""

    known: dict[str, AcceptedProposal] = field(default_factory=dict)

    def accepted(self, proposal_id: str) -> AcceptedProposal | None:
        return self.known.get(proposal_id)

    def list_accepted(self, process_id: str, limit: int) -> list[AcceptedProposal]:
        return list(self.known.values())[:limit]

    said: dict[str, list[Consent]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def consents(self, change_id: str) -> list[Consent]:
        return self.said.get(change_id, [])

    def without_author(self, proposal_ids: Sequence[str]) -> set[str]:
        return self.gone.intersection(proposal_ids)


class App:
    """The application on a real ledger in a folder; may be closed and opened again."""

    def __init__(self, folder: Path, kit: Kit) -> None:
        self.kit = kit
        self.clock = ManualClock(kit.now)
        self.proposals = Proposals()
        self.folder = folder
        self.ledger = Ledger.open(folder / "events.db")
        self.keys = TrusteeKeyFiles(folder / "keys")
        self.aggregates = Aggregates(self.ledger, "budget", publish, lambda: str(uuid4()))
        self.elections = Elections(self.aggregates)
        self.commands = Commands(
            self.elections,
            self.proposals,
            self.keys,
            lambda id, key: count_from_log(self.ledger, id, key),
            self.clock,
            "digest of a policy",
        )
        self.casting = Casting(
            self.ledger, self.elections, self.keys, OpeningProcesses(0), self.clock
        )
        self.staff = kit.claims("staff")
        assessors = AssessorNames(folder / "keys" / "assessors.key", lambda: False)
        self.life = LifeCommands(self.elections, self.proposals, assessors, self.clock)

    async def open_election(self, costs: tuple[int, ...] = (40_00, 50_00, 60_00)) -> OpenElection:
        """An election in which one may vote, made by commands."""
        id = (await self.commands.create_election(self.staff, self.kit.new())).election_id
        for cost in costs:
            await self.add_project(id, cost)
        await self.commands.open_voting(self.staff, id)
        return self.opened(id)

    async def add_project(self, election_id: str, cost: int) -> str:
        """A feasible project."""
        proposal = self.kit.proposal()
        self.proposals.known[proposal.id] = proposal
        added = await self.commands.add_project(self.staff, election_id, proposal.id)
        project = added.project_id
        await self.commands.cost_project(self.staff, election_id, project, cost)
        await self.commands.judge_feasibility(self.staff, election_id, project, "feasible", "")
        return project

    def opened(self, election_id: str) -> OpenElection:
        """What voters need of an open election."""
        with self.elections.reading(UUID(election_id)) as election:
            return OpenElection(
                self.kit, election_id, election.trustee_public_key, election.ballot_size_bytes
            )


@dataclass
class OpenElection:
    """Seals ballots for one election."""

    kit: Kit
    id: str
    public_key: str
    size: int

    def ballot(self, *choices: int, **more: Any) -> Envelope:
        """A sealed ballot."""
        return self.kit.ballot(self.id, self.public_key, self.size, *choices, **more)

    def message(self, *choices: int, **more: Any) -> pb.BallotEnvelope:
        """The same as it travels."""
        ballot = self.ballot(*choices, **more)
        return pb.BallotEnvelope(
            election_id=ballot.election_id,
            electorate=ballot.electorate,
            scheme=ballot.scheme,
            credential=ballot.credential,
            sequence=ballot.sequence,
            sealed=ballot.sealed,
        )


@pytest.fixture
def app(tmp_path: Path, kit: Kit) -> Iterator[App]:
    """The application on a real ledger."""
    found = App(tmp_path, kit)
    yield found
    found.ledger.close_blocking()


class Town:
    """A NATS server, token keys, a consultation's public log, and room for the service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = NatsServer(folder / "nats")
        private, _ = write_key_pair(folder / "keys", "tokens")
        self.issuer = TokenIssuer(private.read_bytes(), CITY)
        self.clock = FileClock(folder / "clock")
        self._channels: list[ServiceChannel] = []

    def environment(self) -> dict[str, str]:
        """The service's settings."""
        return {
            "BUDGET_CITY": CITY,
            "BUDGET_DATA_DIR": str(self.folder / "budget"),
            "BUDGET_NATS_URL": self.server.url,
            "BUDGET_TOKEN_PUBLIC_KEYS": str(self.folder / "keys"),
            "BUDGET_RUN_FILE": str(self.run_file),
            "BUDGET_CLOCK_FILE": str(self.folder / "clock"),
        }

    @property
    def run_file(self) -> Path:
        """Where the service writes its ports."""
        return self.folder / "run.json"

    def token(self, *roles: str, subject: str = "someone", **more: Any) -> str:
        """A token for the service."""
        return self.issuer.issue(subject, roles=roles, audience=["budget"], ttl_s=600, **more)

    def vote_token(self, election_id: str, credential: str) -> str:
        """A token for one election."""
        thing = vote_thing(election_id)
        return self.token(subject=credential, thing=thing, verified=True)

    async def running(self) -> dict[str, int]:
        """The ports of the service, once it serves; at most 20 s."""
        async with asyncio.timeout(20):
            while not self.run_file.exists():  # noqa: ASYNC110 - another process writes it.
                await asyncio.sleep(0.02)
        ports: dict[str, int] = json.loads(self.run_file.read_text())
        return ports

    async def stub(self, token: str = "") -> Any:
        """A client of the running service."""
        ports = await self.running()
        channel = ServiceChannel(f"127.0.0.1:{ports['grpc']}", token=lambda: token, timeout_s=20)
        self._channels.append(channel)
        return BudgetServiceStub(channel)

    async def close_channels(self) -> None:
        """Closes every client."""
        while self._channels:
            await self._channels.pop().close()

    async def tell(self, *events: PublicEvent) -> None:
        """Consultation says this in public, through its own relay."""
        ledger = Ledger.open(self.folder / "consultation.db")
        for event in events:
            leaf = make_leaf("consultation", event.TYPE, str(uuid4()), NOW, event.data())
            stored = NewEvent("told", b"{}", public=leaf)
            await ledger.append(Append((StreamAppend(str(uuid4()), 0, (stored,)),)))
        client = await connect(self.server.url, "consultation")
        relay = Relay(ledger, client, "consultation", CITY)
        task = asyncio.create_task(relay.run())
        try:
            assert await relay.drain(10)
        finally:
            task.cancel()
            await client.close()
            await ledger.close()

    async def accepted(self, count: int, process: str = "") -> list[str]:
        """Accepted proposals in the public log."""
        ids = [str(uuid4()) for _ in range(count)]
        events: list[PublicEvent] = []
        for id in ids:
            events += [
                ProposalSubmitted(process=process, proposal=id, author="a", district="North"),
                ProposalAnswered(process=process, proposal=id, state="accepted"),
            ]
        await self.tell(*events)
        return ids

    async def open_election(
        self, kit: Kit, costs: tuple[int, ...] = (40_00, 60_00), **changes: Any
    ) -> Any:
        """An election in which one may vote, made over gRPC."""
        staff = await self.stub(self.token("staff"))
        proposals = await self.accepted(len(costs))
        created = await staff.CreateElection(new_election(self.clock.now(), **changes))
        id = created.election_id
        for proposal, cost in zip(proposals, costs, strict=True):
            project = await self.add_project(staff, id, proposal)
            await staff.CostProject(
                pb.CostProjectRequest(election_id=id, project_id=project, cost_cents=cost)
            )
            await staff.JudgeFeasibility(
                pb.JudgeFeasibilityRequest(
                    election_id=id, project_id=project, feasibility=pb.FEASIBILITY_FEASIBLE
                )
            )
        await staff.OpenVoting(pb.OpenVotingRequest(election_id=id))
        found = (await staff.GetElection(pb.GetElectionRequest(election_id=id))).election
        key = urlsafe_b64encode(found.trustee_public_key).rstrip(b"=").decode()
        return OpenElection(kit, id, key, found.ballot_size_bytes)

    async def add_project(self, staff: Any, election_id: str, proposal: str) -> str:
        """Adds a project as soon as the log with its proposal has arrived."""
        request = pb.AddProjectRequest(election_id=election_id, proposal_id=proposal)
        async with asyncio.timeout(10):
            while True:
                try:
                    return str((await staff.AddProject(request)).project_id)
                except Exception as refusal:
                    if getattr(refusal, "code", "") != "proposal_not_accepted":
                        raise
                    await asyncio.sleep(0.05)


def new_election(now: datetime, **changes: Any) -> pb.CreateElectionRequest:
    """A valid request."""
    request = pb.CreateElectionRequest(
        title="Our city",
        description="For ideas.",
        envelope_cents=100_00,
        currency="EUR",
        districts=["North", "South"],
        rules=pb.Rules(vote_type="approval", rule="greedy", max_length=3),
    )
    request.opens_at.FromDatetime(now - timedelta(days=1))
    request.closes_at.FromDatetime(now + timedelta(days=1))
    request.MergeFrom(pb.CreateElectionRequest(**changes))
    return request


@pytest.fixture
def new_request() -> Any:
    """A valid CreateElectionRequest at a time, with changes."""
    return new_election


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A NATS server and keys; the service is not started."""
    found = Town(tmp_path)
    found.server.start()
    yield found
    found.server.stop()


@pytest.fixture
async def service(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """The whole service, serving on loopback ports in this event loop."""
    for name, value in town.environment().items():
        monkeypatch.setenv(name, value)
    settings = BudgetSettings.from_environment()
    unit = Unit(settings, "budget")
    serving = asyncio.create_task(unit.serve(lambda: bootstrap(unit, settings)))
    await asyncio.wait(
        (serving, asyncio.create_task(town.running())), return_when="FIRST_COMPLETED"
    )
    assert not serving.done(), serving.exception()
    yield town
    await town.close_channels()
    unit.stop()
    await serving
