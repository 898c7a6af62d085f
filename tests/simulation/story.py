"""What people do in a simulated city: a participatory budget, from an idea to its result."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel import base64url
from cahier_ledger.sealing import Sealer, ballot_binding
from cahier_record.budget.ballots import BallotPaper, encode_paper
from tests.simulation.calls import Outcome
from tests.simulation.city import City
from tests.simulation.followers import Followers
from tests.simulation.people import TRIES_MAX, People, StoryBroken, Vote, stamp
from tests.simulation.streets import Streets

ACCEPTED = consultation.PROPOSAL_STATE_ACCEPTED
DAY_S = 86_400.0
RUSH_S = 0.005
"""How close together things happen that are meant to get into one another's way."""


class Story:
    """One run's people and plans, drawn from the seed."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._random = random.Random(f"story {city.seed}")
        self._people = People(city)
        self.told = self._people.told
        self._followers = Followers(self._people, self._random)
        self._residents: list[str] = []
        self._process = ""
        self._closing = asyncio.Event()
        self._proposals: list[str] = []
        self._second_thoughts: list[tuple[str, str]] = []

    async def run(self) -> None:
        """From the first resident to the published result. Raises StoryBroken, GaveUp."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._budget())
            group.create_task(Streets(self._people, self._city.seed).run())

    async def _budget(self) -> None:
        await self._gather_people()
        await self._gather_ideas()
        accepted = await self._answer_proposals()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._followers.unsubscribe_some())
            group.create_task(self._elect(accepted))

    async def _elect(self, proposals: list[str]) -> None:
        await self._prepare_election(proposals)
        await self._vote()
        await self._count()

    # -- identity -----------------------------------------------------------------------------

    async def _gather_people(self) -> None:
        references = [f"voter {number}" for number in range(self._random.randint(4, 8))]
        request = identity.ImportResidentsRequest(source="register", references=references)
        done = await self._people.do("identity", "ImportResidents", request, "importer")
        self._residents = list(done.resident_ids)
        rows = "".join(f"AB12345{number},1989-07-14,31000,North\n" for number in range(3))
        roll = f"document_number,birth_date,postcode,district\n{rows}".encode()
        request = identity.LoadCensusRollRequest(csv=roll)
        await self._people.do("identity", "LoadCensusRoll", request, "admin")
        async with asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(self._register(number))

    async def _register(self, number: int) -> None:
        registered = await self._people.do(
            "identity",
            "RegisterResident",
            identity.RegisterResidentRequest(
                email=f"person{number}@example.org", display_name="Ann", password="long enough 1"
            ),
            "",
        )
        prove = identity.ProveResidenceRequest(
            document_number=f"AB12345{number}", birth_date="1989-07-14", postcode="31000"
        )
        person = registered.resident_id
        await self._people.do("identity", "ProveResidence", prove, "resident", person)
        self._residents.append(person)
        for method in ("GrantRole", "RevokeRole", "GrantRole"):
            request = getattr(identity, f"{method}Request")(resident_id=person, role="staff")
            await self._people.do("identity", method, request, "admin")

    # -- consultation -------------------------------------------------------------------------

    async def _gather_ideas(self) -> None:
        now = self._city.clock.now()
        created = await self._people.do(
            "consultation",
            "CreateProcess",
            consultation.CreateProcessRequest(
                title="Ideas",
                description="All of them.",
                opens_at=stamp(now + timedelta(seconds=3)),
                closes_at=stamp(now + timedelta(seconds=DAY_S)),
                edit_window_seconds=3_600,
            ),
            "staff",
        )
        self._process = created.process_id
        async with asyncio.TaskGroup() as group:
            for person in self._residents[: self._random.randint(2, 4)]:
                group.create_task(self._submit(person))
        async with asyncio.TaskGroup() as group:
            for person in self._residents:
                group.create_task(self._take_part(person))
            for person, proposal in self._second_thoughts:
                if proposal != self._proposals[0]:
                    group.create_task(self._withdraw(person, proposal))
        self._city.clock.shift_s += DAY_S

    async def _submit(self, person: str) -> None:
        request = consultation.SubmitProposalRequest(
            process_id=self._process,
            title="A tree in every street",
            body="Shade.",
            category="green",
            district="North",
        )
        done = await self._people.do(
            "consultation", "SubmitProposal", request, "resident", person, until_allowed=True
        )
        self._proposals.append(done.proposal_id)
        self.told.titles[done.proposal_id] = request.title
        if self._random.random() < 0.4:
            edit = consultation.EditProposalRequest(
                proposal_id=done.proposal_id, title="Two trees in every street", body="More shade."
            )
            await self._people.do("consultation", "EditProposal", edit, "resident", person)
            self.told.titles[done.proposal_id] = edit.title
        if self._random.random() < 0.2:
            self._second_thoughts.append((person, done.proposal_id))

    async def _withdraw(self, person: str, proposal: str) -> None:
        """At a moment at which others who pass by support it."""
        await asyncio.sleep(self._random.uniform(0, 4))
        request = consultation.WithdrawProposalRequest(proposal_id=proposal)
        async with asyncio.TaskGroup() as group:
            for number in range(self._random.randint(1, 5)):
                group.create_task(self._rush(self._support, f"passer-by {number}", proposal))
            await self._people.do("consultation", "WithdrawProposal", request, "resident", person)
        self.told.withdrawn.add(proposal)

    async def _rush(self, act: Any, *arguments: Any) -> None:
        await asyncio.sleep(self._random.uniform(0, RUSH_S))
        await act(*arguments)

    async def _take_part(self, person: str) -> None:
        acts = [self._support, self._support, self._unsupport, self._comment]
        acts += [self._followers.follow] * 3 + [self._followers.unfollow]
        for _ in range(self._random.randint(2, 6)):
            proposal = self._random.choice(self._proposals)
            await self._random.choice(acts)(person, proposal)
            await asyncio.sleep(self._random.uniform(0, 1.5))

    async def _support(self, person: str, proposal: str) -> None:
        request = consultation.SupportProposalRequest(proposal_id=proposal)
        outcome = await self._people.attempt(
            "consultation", "SupportProposal", request, "resident", person
        )
        self._remember_support(proposal, person, outcome, stands=True)

    async def _unsupport(self, person: str, proposal: str) -> None:
        request = consultation.UnsupportProposalRequest(proposal_id=proposal)
        outcome = await self._people.attempt(
            "consultation", "UnsupportProposal", request, "resident", person
        )
        self._remember_support(proposal, person, outcome, stands=False)

    def _remember_support(
        self, proposal: str, person: str, outcome: Outcome, *, stands: bool
    ) -> None:
        if outcome.answer is not None:
            self.told.supports[proposal, person] = stands
        elif outcome.unsure:
            self.told.supports[proposal, person] = None

    async def _comment(self, person: str, proposal: str) -> None:
        request = consultation.AddCommentRequest(proposal_id=proposal, body="I agree.")
        outcome = await self._people.attempt(
            "consultation", "AddComment", request, "resident", person
        )
        if outcome.answer is not None:
            self.told.comments[proposal] += 1
        elif outcome.unsure:
            self.told.unsure_comments.add(proposal)

    async def _say(self, method: str, request: Any, person: str) -> Outcome:
        return await self._people.attempt("consultation", method, request, "resident", person)

    async def _answer_proposals(self) -> list[str]:
        accepted = []
        for place, proposal in enumerate(self._proposals):
            if proposal in self.told.withdrawn:
                continue
            yes = place == 0 or self._random.random() < 0.8
            state = ACCEPTED if yes else consultation.PROPOSAL_STATE_REJECTED
            request = consultation.AnswerProposalRequest(
                proposal_id=proposal, state=state, text="We have looked at it."
            )
            done = await self._people.do("consultation", "AnswerProposal", request, "staff")
            self.told.answers[proposal] = done.event_id
            if yes:
                accepted.append(proposal)
        return accepted

    # -- budget -------------------------------------------------------------------------------

    async def _prepare_election(self, proposals: list[str]) -> None:
        now = self._city.clock.now()
        created = await self._people.do(
            "budget",
            "CreateElection",
            budget.CreateElectionRequest(
                title="Our city",
                description="Money.",
                process_id=self._process,
                envelope_cents=100_00,
                currency="EUR",
                districts=["North"],
                opens_at=stamp(now),
                closes_at=stamp(now + timedelta(seconds=DAY_S)),
                rules=budget.Rules(vote_type="approval", rule="greedy", max_length=3),
            ),
            "staff",
        )
        self.told.election = created.election_id
        projects = [await self._add_project(proposal) for proposal in proposals]
        for project in projects:
            cost_cents = self._random.randint(1, 6) * 10_00
            named = {"election_id": self.told.election, "project_id": project.project_id}
            cost = budget.CostProjectRequest(**named, cost_cents=cost_cents)
            await self._people.do("budget", "CostProject", cost, "staff")
            self.told.costs[project.number] = cost_cents
            judge = budget.JudgeFeasibilityRequest(**named, feasibility=budget.FEASIBILITY_FEASIBLE)
            await self._people.do("budget", "JudgeFeasibility", judge, "staff")
        request = budget.OpenVotingRequest(election_id=self.told.election)
        await self._people.do("budget", "OpenVoting", request, "staff", until_allowed=True)

    async def _add_project(self, proposal: str) -> Any:
        """Waits until budget has learnt that the proposal is accepted."""
        request = budget.AddProjectRequest(election_id=self.told.election, proposal_id=proposal)
        done = await self._people.do("budget", "AddProject", request, "staff", until_allowed=True)
        self.told.projects.append(proposal)
        return done

    async def _vote(self) -> None:
        election = await self._election()
        sealer = Sealer(base64url.encode(election.trustee_public_key))
        request = identity.IssueCredentialsRequest(
            election_id=self.told.election, resident_ids=self._residents
        )
        done = await self._people.do("identity", "IssueCredentials", request, "importer")
        votes = [Vote(credential) for credential in done.credentials]
        self.told.votes = {vote.credential: vote for vote in votes}
        booth = self._random.randint(0, len(votes))
        async with asyncio.TaskGroup() as group:
            for vote in votes[booth:]:
                group.create_task(self._vote_alone(vote, election, sealer))
            group.create_task(self._vote_at_booth(votes[:booth], election, sealer))
            group.create_task(self._close())
        for vote in votes[:2]:
            await self._cast(vote, election, sealer)

    async def _election(self) -> Any:
        request = budget.GetElectionRequest(election_id=self.told.election)
        return (await self._people.do("budget", "GetElection", request, "staff")).election

    async def _vote_alone(self, vote: Vote, election: Any, sealer: Sealer) -> None:
        await asyncio.sleep(self._random.uniform(0, 3))
        for _ in range(self._random.randint(1, 3)):
            await self._cast(vote, election, sealer)
            await asyncio.sleep(self._random.uniform(0, 2))
        if self._random.random() < 0.7:
            await self._closing.wait()
            await self._rush(self._cast, vote, election, sealer)

    async def _cast(self, vote: Vote, election: Any, sealer: Sealer) -> None:
        choices, envelope = self._ballot(vote, election, sealer)
        token = self._city.token("budget", vote.credential, thing=f"election:{self.told.election}")
        outcome = await self._city.channel.insist(
            "budget",
            "CastBallot",
            budget.CastBallotRequest(ballot=envelope),
            budget.CastBallotResponse,
            token,
        )
        code = outcome.refusal.code if outcome.refusal is not None else ""
        self._remember(vote, choices, code, outcome.unsure)
        if outcome.answer is not None:
            self.told.acknowledged.append(("budget", outcome.answer.event_id))

    async def _vote_at_booth(self, votes: list[Vote], election: Any, sealer: Sealer) -> None:
        if not votes:
            return
        ballots = [self._ballot(vote, election, sealer) for vote in votes]
        request = budget.CastBallotsRequest(ballots=[envelope for _, envelope in ballots])
        left = list(range(len(votes)))
        unsure = False
        for _ in range(TRIES_MAX):
            outcome = await self._people.attempt(
                "budget", "CastBallots", request, "importer", key=""
            )
            unsure = unsure or outcome.unsure
            results = outcome.answer.results
            again = [place for place in left if results[place].error_code in PASSING]
            for place in set(left) - set(again):
                self._remember(votes[place], ballots[place][0], results[place].error_code, unsure)
                if not results[place].error_code:
                    self.told.acknowledged.append(("budget", results[place].event_id))
            left, unsure = again, unsure or bool(again)
            if not left:
                return
            await asyncio.sleep(0.5)
        raise StoryBroken("the booth's ballots are never settled")

    def _ballot(self, vote: Vote, election: Any, sealer: Sealer) -> tuple[tuple[int, ...], Any]:
        numbers = sorted(self.told.costs)
        count = self._random.randint(0, min(3, len(numbers)))
        choices = tuple(sorted(self._random.sample(numbers, count)))
        sequence = len(vote.acknowledged) + 1
        named = (self.told.election, "all", "confidential", vote.credential, sequence)
        envelope = budget.BallotEnvelope(
            election_id=self.told.election,
            electorate="all",
            scheme="confidential",
            credential=vote.credential,
            sequence=sequence,
            sealed=sealer.seal(
                encode_paper(BallotPaper(choices)),
                binding=ballot_binding(*named),
                padded_size=election.ballot_size_bytes,
            ),
        )
        return choices, envelope

    def _remember(self, vote: Vote, choices: tuple[int, ...], code: str, unsure: bool) -> None:
        if not code:
            vote.acknowledged.append(choices)
        elif code in ("voting_closed", "ballot_sequence_taken"):
            vote.unsure = vote.unsure or unsure
        else:
            raise StoryBroken(f"a good ballot was refused: {code}")

    async def _close(self) -> None:
        await asyncio.sleep(self._random.uniform(2, 12))
        if self._random.random() < 0.5:
            self._city.clock.shift_s += DAY_S
            await asyncio.sleep(2)
        self._closing.set()
        request = budget.CloseVotingRequest(election_id=self.told.election, reason="It is time.")
        await self._people.do("budget", "CloseVoting", request, "staff")

    async def _count(self) -> None:
        for method in ("CountBallots", "PublishResult"):
            request = getattr(budget, f"{method}Request")(election_id=self.told.election)
            done = await self._people.do("budget", method, request, "staff")
        self.told.published = done.event_id
        request = budget.GetResultRequest(election_id=self.told.election)
        self.told.result = await self._people.do("budget", "GetResult", request, "")


PASSING = ("store_unavailable", "election_changing", "stream_conflict")
