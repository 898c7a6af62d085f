"""Makes a golden history of one budget's whole life, beside that of `golden_history.py`.

`python scripts/golden_budget.py NEW_FOLDER` runs a city for a minute: phases, one of them opened
again; a merger that its authors agree to, a split that one refuses, another that the city gives
up; analyses by three roles; ballots, one of them changed and one annulled; a corrected result; and
books from the envelope to their closing, with contracts, payments, milestones, a picture and texts
that are erased. Golden histories are added to apps/auditor/tests/golden/, never replaced.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
import tempfile
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from golden_history import cahier, erase, propose, resident, start

from cahier_cli.city import CityFolder
from cahier_cli.doors import Doors, TokenSource, patiently
from cahier_cli.importing.ideas import stamp
from cahier_cli.importing.voting import seal_ballot
from cahier_cli.token import make_token
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel import base64url
from cahier_ledger.sealing import Sealer
from cahier_record.budget.ballots import BallotPaper

ENVELOPE_CENTS = 62_000_00
TITLES = ("Lime trees", "Limes for the lane", "A square of shade", "Racks for bicycles", "A lift")
FORGOTTEN = "A name to be forgotten"
ESTIMATES = {6: 40_000_00, 3: 35_000_00, 4: 20_000_00, 5: 90_000_00}
"""What the decision maker says of each project that stands, by number; the last cannot be built."""
UNFEASIBLE = 5
BALLOTS = ((6,), (6, 4), (3,), (3, 4), (3,), (6, 3), (4,), (6,), (3, 6))
CHANGED, ANNULLED = 0, 2
"""Whose ballot is cast twice, and whose is annulled, by place."""
PHASES = ("reviewing", "costing", "publishing_prices", "balloting", "reviewing_ballots", "finished")
DAY = timedelta(days=1)


def main(out: Path) -> None:
    """Writes the bundle into `out`, which must be new."""
    with tempfile.TemporaryDirectory(prefix="cahier-golden-") as home:
        folder = CityFolder(Path(home) / "city")
        city = start(folder)
        try:
            asyncio.run(live(folder))
            cahier("export", "bundle", out, "--data", folder.root)
        finally:
            city.send_signal(signal.SIGTERM)
            city.wait(timeout=60)


async def live(folder: CityFolder) -> None:
    async with Doors(folder) as doors:
        now = await doors.settable_clock()
        if now is None:
            raise SystemExit("the city's clock cannot be set")
        budget = Budget(folder, doors, now)
        await budget.gather_ideas()
        await budget.prepare()
        await budget.change_projects()
        await budget.analyse()
        await budget.vote()
        await budget.count()
        await budget.build()


class Budget:
    """One election from its ideas to its closed books."""

    def __init__(self, folder: CityFolder, doors: Doors, now: datetime) -> None:
        self.folder, self.doors, self.now = folder, doors, now
        self.authors: list[str] = []
        self.proposals: list[str] = []
        self.projects: dict[int, str] = {}
        self.about: dict[str, str] = {}

    async def gather_ideas(self) -> None:
        """Two authors propose in turn; a third one is forgotten."""
        admin = TokenSource(self.folder, "admin")()
        roll = "document_number,birth_date,postcode,district\n" + "".join(
            f"AB12345{number},1989-07-14,31000,Centre\n" for number in range(3)
        )
        await self.doors.identity.LoadCensusRoll(
            identity.LoadCensusRollRequest(csv=roll.encode()), token=admin
        )
        process = await self.doors.consultation.CreateProcess(
            consultation.CreateProcessRequest(
                title="Shade for the town",
                opens_at=stamp(self.now),
                closes_at=stamp(self.now + 30 * DAY),
            )
        )
        people = [await resident(self.doors, name, n) for n, name in enumerate(("A", "B", "C"))]
        self.authors = [token for _, token in people]
        for place, title in enumerate(TITLES):
            token = self.authors[place % 2]
            self.proposals.append(await propose(self.doors, process.process_id, title, token))
        await propose(self.doors, process.process_id, FORGOTTEN, self.authors[2])
        await erase(self.doors, people[2][0], admin)
        for proposal in self.proposals:
            await self.doors.consultation.AnswerProposal(
                consultation.AnswerProposalRequest(
                    proposal_id=proposal,
                    state=consultation.PROPOSAL_STATE_ACCEPTED,
                    text="Gladly.",
                )
            )
        self.process = process.process_id

    async def prepare(self) -> None:
        """An election with a plan of phases, where three roles analyse, and its projects."""
        created = await self.doors.budget.CreateElection(
            pb.CreateElectionRequest(
                title="A budget of shade",
                process_id=self.process,
                envelope_cents=ENVELOPE_CENTS,
                currency="EUR",
                opens_at=stamp(self.now + 20 * DAY),
                closes_at=stamp(self.now + 30 * DAY),
                rules=pb.Rules(
                    vote_type="approval", max_length=2, rule="mes", completion="add1-greedy"
                ),
            )
        )
        self.about = {"election_id": created.election_id}
        await self.doors.budget.ChooseAnalysis(
            life.ChooseAnalysisRequest(**self.about, analysis="three")
        )
        await self.plan(life.PlanPhasesRequest(**self.about), self.now + DAY)
        await self.enter("reviewing", "Everybody is here.")
        for number, proposal in enumerate(self.proposals, 1):
            request = pb.AddProjectRequest(**self.about, proposal_id=proposal)
            added = await patiently(
                lambda request=request: self.doors.budget.AddProject(request),
                "proposal_not_accepted",
            )
            self.projects[number] = added.project_id

    async def plan(self, request: Any, first: datetime) -> None:
        """Sends a request with the whole plan, whose first phase starts at `first`."""
        for place, phase in enumerate(PHASES):
            request.phases.append(
                life.PlannedPhase(phase=phase, starts_at=stamp(first + place * 5 * DAY))
            )
        reopens = isinstance(request, life.ReopenPhaseRequest)
        send = self.doors.budget.ReopenPhase if reopens else self.doors.budget.PlanPhases
        await send(request)

    async def enter(self, phase: str, reason: str) -> None:
        request = life.EnterPhaseRequest(**self.about, phase=phase, reason=reason)
        await self.doors.budget.EnterPhase(request)

    async def change_projects(self) -> None:
        """A merger that comes about, a split that its author refuses, one that is given up."""
        merger = await self.doors.budget.ProposeMerge(
            life.ProposeMergeRequest(
                **self.about,
                project_ids=[self.projects[1], self.projects[2]],
                result=life.ResultText(title="Limes along the lane", description="One row."),
                reason="They are the same trees.",
            )
        )
        for place in (0, 1):
            await self.answer(merger.change_id, place, agrees=True)
        refused = await self.split(3)
        await self.answer(refused, 2, agrees=False)
        given_up = await self.split(4)
        await self.doors.budget.WithdrawChange(
            life.WithdrawChangeRequest(
                **self.about, change_id=given_up, reason="It would cost more."
            )
        )
        states = await self.until_decided()
        if states != ["completed", "refused", "withdrawn"]:
            raise SystemExit(f"the changes ended as {states}")
        listed = await self.doors.budget.ListProjects(pb.ListProjectsRequest(**self.about))
        self.projects = {each.number: each.project_id for each in listed.projects}

    async def split(self, number: int) -> str:
        answer = await self.doors.budget.ProposeSplit(
            life.ProposeSplitRequest(
                **self.about,
                project_id=self.projects[number],
                results=[life.ResultText(title="A half"), life.ResultText(title="The other half")],
                reason="Two places.",
            )
        )
        return str(answer.change_id)

    async def answer(self, change: str, place: int, *, agrees: bool) -> None:
        request = consultation.AnswerChangeRequest(
            proposal_id=self.proposals[place], change_id=change, agrees=agrees
        )
        await self.doors.proposers.AnswerChange(request, token=self.authors[place % 2])

    async def until_decided(self) -> list[str]:
        asked = life.GetElectionLifeRequest(**self.about)
        for _ in range(600):
            told = await self.doors.budget.GetElectionLife(asked)
            states = [each.state for each in told.changes]
            if "proposed" not in states:
                return states
            await asyncio.sleep(0.1)
        return states

    async def analyse(self) -> None:
        """Three persons assess each project that stands; a phase is opened again meanwhile."""
        await self.enter("costing", "All are here.")
        await self.assess("analyst", 9)
        again = life.ReopenPhaseRequest(
            **self.about, phase="reviewing", reason="One was forgotten."
        )
        await self.plan(again, self.now)
        await self.assess("supervisor", 11)
        await self.enter("costing", "Now all are here.")
        await self.assess("decision_maker", 10)
        await self.enter("publishing_prices", "All prices are there.")

    async def assess(self, role: str, tenths: int) -> None:
        token = make_token(self.folder, role, f"operator:{role}")
        for number, cents in ESTIMATES.items():
            feasible = number != UNFEASIBLE
            await self.doors.budget.AssessProject(
                life.AssessProjectRequest(
                    **self.about,
                    project_id=self.projects[number],
                    role=role,
                    feasibility="feasible" if feasible else "unfeasible",
                    estimate_cents=cents * tenths // 10,
                    running_cost_cents=cents // 100,
                    grounds=f"Seen as {role}.",
                ),
                token=token,
            )

    async def vote(self) -> None:
        """Voting opens and closes by the city's clock."""
        await self.doors.set_clock(self.now + 16 * DAY)
        election = await self.until(pb.ELECTION_STATE_OPEN)
        voters = await self.doors.identity.ImportResidents(
            identity.ImportResidentsRequest(
                source="golden", references=[str(n) for n in range(len(BALLOTS))]
            )
        )
        issued = await self.doors.identity.IssueCredentials(
            identity.IssueCredentialsRequest(
                election_id=election.election_id, resident_ids=voters.resident_ids
            )
        )
        self.credentials = list(issued.credentials)
        await self.cast(election, [(CHANGED, (4,))], sequence=1)
        rest = [(n, choices) for n, choices in enumerate(BALLOTS) if n != CHANGED]
        await self.cast(election, rest, sequence=1)
        await self.cast(election, [(CHANGED, BALLOTS[CHANGED])], sequence=2)
        await self.doors.set_clock(self.now + 21 * DAY)
        await self.until(pb.ELECTION_STATE_CLOSED)

    async def cast(
        self, election: Any, papers: Sequence[tuple[int, tuple[int, ...]]], *, sequence: int
    ) -> None:
        sealer = Sealer(base64url.encode(election.trustee_public_key))
        envelopes = [
            seal_ballot(
                sealer, election, self.credentials[n], BallotPaper(choices), sequence=sequence
            )
            for n, choices in papers
        ]
        answer = await self.doors.booth.CastBallots(pb.CastBallotsRequest(ballots=envelopes))
        refused = [each.error_rule for each in answer.results if each.error_code]
        if refused:
            raise SystemExit(f"ballots were refused: {refused}")

    async def until(self, state: Any) -> Any:
        asked = pb.GetElectionRequest(**self.about)
        for _ in range(600):
            election = (await self.doors.budget.GetElection(asked)).election
            if election.state == state:
                return election
            await asyncio.sleep(0.1)
        raise SystemExit(f"the election did not reach state {state}")

    async def count(self) -> None:
        """A result, and another one once a ballot is annulled."""
        await self.announce("")
        await self.doors.budget.AnnulBallots(
            delivery.AnnulBallotsRequest(
                **self.about,
                credentials=[self.credentials[ANNULLED]],
                reason="They had moved away.",
            )
        )
        await self.announce("A ballot was annulled.")

    async def announce(self, reason: str) -> None:
        count = pb.CountBallotsRequest(**self.about, reason=reason)
        await self.doors.budget.CountBallots(count)
        await self.doors.budget.PublishResult(pb.PublishResultRequest(**self.about))

    async def build(self) -> None:
        """The winners: one is built, one is given up; then the books are closed."""
        books = await self.doors.budget.GetBooks(delivery.GetBooksRequest(**self.about))
        winners = [each for each in books.projects if each.cost_cents]
        if len(winners) < 2:
            raise SystemExit("at least two projects must win")
        await self.finish(winners[0])
        for each in winners[1:]:
            await self.give_up(each)
        await self.doors.budget.CloseBooks(delivery.CloseBooksRequest(**self.about))

    async def finish(self, winner: Any) -> None:
        about = {**self.about, "project_id": winner.project_id}
        budget = self.doors.budget
        milestone = await budget.PlanMilestone(
            delivery.PlanMilestoneRequest(**about, title="Planted", due=self.day(40))
        )
        later = {**about, "milestone_id": milestone.milestone_id}
        await budget.RaiseReservation(
            delivery.RaiseReservationRequest(**about, cents=1_000_00, reason="Better earth.")
        )
        tender = await self.award(about, winner.cost_cents + 500_00)
        await self.pay(about, tender, winner.cost_cents // 2)
        twice = await self.pay(about, tender, 100_00)
        await budget.ReverseExpenditure(
            delivery.ReverseExpenditureRequest(
                **about, invoice_id=twice.invoice_id, reason="Paid twice."
            )
        )
        await budget.DelayMilestone(
            delivery.DelayMilestoneRequest(**later, due=self.day(80), reason="Frost.")
        )
        for alt in ("A row of limes", "Somebody under a lime"):
            shown = await budget.AddPhoto(
                delivery.AddPhotoRequest(**about, data=picture(), alt=alt)
            )
        await budget.ErasePhoto(
            delivery.ErasePhotoRequest(**about, photo_id=shown.photo_id, basis="request")
        )
        await budget.EraseTexts(
            delivery.EraseTextsRequest(**about, event_id=twice.event_id, basis="request")
        )
        await budget.ReachMilestone(delivery.ReachMilestoneRequest(**later, note="All stand."))
        await budget.CloseTender(
            delivery.CloseTenderRequest(**about, tender_id=tender, reason="All is billed.")
        )
        await budget.FinishProject(delivery.FinishProjectRequest(**about, report="It stands."))

    async def give_up(self, winner: Any) -> None:
        about = {**self.about, "project_id": winner.project_id}
        tender = await self.award(about, winner.cost_cents)
        await self.pay(about, tender, 1_000_00)
        await self.doors.budget.AbandonProject(
            delivery.AbandonProjectRequest(**about, reason="A spring was found below.")
        )

    async def award(self, about: dict[str, str], cents: int) -> str:
        answer = await self.doors.budget.AwardTender(
            delivery.AwardTenderRequest(
                **about, cents=cents, title="Works", contractor="Gardeners Ltd"
            )
        )
        return str(answer.tender_id)

    async def pay(self, about: dict[str, str], tender: str, cents: int) -> Any:
        return await self.doors.budget.RecordExpenditure(
            delivery.RecordExpenditureRequest(
                **about,
                cents=cents,
                tender_id=tender,
                payee="Gardeners Ltd",
                reference="R/1",
                subject="Works",
            )
        )

    def day(self, days: int) -> str:
        return (self.now + days * DAY).date().isoformat()


def picture() -> bytes:
    """One grey pixel, as PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(b"\0\x80")),
            chunk(b"IEND", b""),
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
