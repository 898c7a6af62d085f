"""Explanations and what-ifs come from a helper process, within bounds; shares go to holders."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from cahier_budget.adapters import explanations
from cahier_budget.adapters.explanations import ExplanationFiles
from cahier_budget.adapters.reckoning import WAITING_MAX, ReckoningProcesses
from cahier_budget.application.counting import held_count_from_log
from cahier_budget.application.explaining import Explaining
from cahier_budget.application.own_shares import OwnShares
from cahier_budget.application.queries import Queries
from cahier_kernel.errors import FailedPrecondition, Forbidden, Invalid, NotFound, Unavailable
from cahier_record.budget.what_if import Change, OtherWay

VOTES = [(1, 2), (2,), (3,), (2, 3)]


class Asked:
    """A published election with all that may be asked of it; `reads` counts readings of the log."""

    def __init__(self, app, election, reckoning, code=""):
        queries = Queries(app.ledger, app.elections, None, app.proposals, None)
        self.app, self.id, self.reads = app, election.id, 0
        self.reckoning = reckoning
        self.folder = app.folder / "explanations"
        kept = ExplanationFiles(self.folder, code)
        self.explaining = Explaining(queries, self._read, reckoning, kept)
        self.shares = OwnShares(app.ledger, self.explaining)

    def _read(self, id):
        self.reads += 1
        return held_count_from_log(self.app.ledger, id)

    def what_if(self, **change):
        return self.explaining.what_if(None, self.id, Change(**change))


async def finished(app, publish=True):
    election = await app.open_election()
    for number, choices in enumerate(VOTES):
        await app.casting.cast(app.kit.importer, election.ballot(*choices, number=number))
    await app.commands.close_voting(app.staff, election.id, "enough")
    await app.commands.count_ballots(app.staff, election.id)
    if publish:
        await app.commands.publish_result(app.staff, election.id)
    return election


@pytest.fixture
async def asked(app):
    reckoning = ReckoningProcesses()
    yield Asked(app, await finished(app), reckoning)
    await reckoning.close()


async def test_a_change_is_counted_once_and_the_log_read_once(asked):
    before = await asked.explaining.result(None, asked.id)
    assert [one.reason for one in before.projects] == ["selected", "selected", "does_not_fit"]
    first, second = await asyncio.gather(
        asked.what_if(envelope_cents=150_00), asked.what_if(envelope_cents=150_00)
    )
    assert first.selected == (2, 3, 1)
    assert second is first
    cheaper = await asked.what_if(costs_cents={3: 10_00})
    assert cheaper.selected == (2, 3, 1)
    other = await asked.what_if(way=OtherWay(rule="phragmen"))
    assert other.rule == "phragmen"
    assert asked.reads == 1


def started_again(asked, code=""):
    """The same service after a restart: nothing in memory."""
    election = type("Election", (), {"id": asked.id})
    return Asked(asked.app, election, asked.reckoning, code)


async def test_an_explanation_is_kept_across_starts(asked):
    before = await asked.explaining.result(None, asked.id)
    again = started_again(asked)
    assert await again.explaining.result(None, asked.id) == before
    assert (asked.reads, again.reads) == (1, 0)


async def test_other_code_explains_anew(asked):
    before = await asked.explaining.result(None, asked.id)
    other = started_again(asked, code="a later release")
    assert await other.explaining.result(None, asked.id) == before
    assert other.reads == 1
    assert len(list(asked.folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: b"", lambda raw: raw[:32]])
async def test_a_damaged_explanation_is_worked_out_anew(asked, damage):
    before = await asked.explaining.result(None, asked.id)
    (file,) = asked.folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again = started_again(asked)
    assert await again.explaining.result(None, asked.id) == before
    assert again.reads == 1
    assert file.read_bytes() == whole


async def test_a_folder_that_takes_nothing_hinders_no_answer(asked):
    asked.folder.write_text("a file in its place")
    told = await asked.explaining.result(None, asked.id)
    assert [one.reason for one in told.projects] == ["selected", "selected", "does_not_fit"]


async def test_the_oldest_explanations_make_room(asked, monkeypatch):
    monkeypatch.setattr(explanations, "KEPT_MAX", 2)
    told = await asked.explaining.result(None, asked.id)
    kept = ExplanationFiles(asked.folder)
    for key in ("one", "two", "three"):
        kept.keep(key, told)
    assert [kept.find(key) is not None for key in ("one", "two", "three")] == [False, True, True]


async def test_refusals_of_the_helper_arrive_as_they_are(asked):
    with pytest.raises(Invalid) as refusal:
        await asked.what_if(costs_cents={9: 1})
    assert (refusal.value.code, refusal.value.params) == ("project_unknown", {"number": "9"})


async def test_nothing_is_told_before_the_result_is_published(app):
    election = await finished(app, publish=False)
    reckoning = ReckoningProcesses()
    hidden = Asked(app, election, reckoning)
    voter = app.kit.voter(election.id, 0)
    for asking in (
        hidden.explaining.result(None, election.id),
        hidden.what_if(envelope_cents=1),
        hidden.shares.of(voter, election.id, voter.credential),
    ):
        with pytest.raises(NotFound) as refusal:
            await asking
        assert refusal.value.code == "result_not_found"
    assert hidden.reads == 0


async def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_answered(app):
    asked = Asked(app, await finished(app), ReckoningProcesses(what_if_s_max=0.001))
    with pytest.raises(FailedPrecondition) as refusal:
        await asked.what_if(envelope_cents=1)
    assert refusal.value.code == "reckoning_too_long"
    asked.reckoning._wondering._seconds_max = 20.0
    assert (await asked.what_if(envelope_cents=1)).selected == ()
    await asked.reckoning.close()


async def test_more_questions_than_may_wait_are_sent_away(asked):
    await asked.what_if(envelope_cents=1)
    amounts = range(2, 2 + 5 * WAITING_MAX)
    questions = [asked.what_if(envelope_cents=cents) for cents in amounts]
    answers = await asyncio.gather(*questions, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, Unavailable)]
    assert {one.code for one in refused} == {"reckoning_busy"}
    assert len(answers) - len(refused) >= WAITING_MAX
    # A refusal is not kept: asked again it is answered.
    sent_away = next(
        cents for cents, one in zip(amounts, answers, strict=True) if isinstance(one, Unavailable)
    )
    assert (await asked.what_if(envelope_cents=sent_away)).selected == ()


async def test_the_holder_learns_what_the_last_ballot_helped_pay_for(asked):
    voter = asked.app.kit.voter(asked.id, 3)
    found = await asked.shares.of(voter, asked.id, voter.credential)
    assert found.share.choices == (2, 3)
    assert [(one.number, one.votes, one.share_cents) for one in found.share.paid] == [
        (2, 3, round(50_00 / 3))
    ]
    assert found.refused == ""
    assert asked.app.ledger.public_by_id(found.event_id) is not None


async def test_a_share_is_for_the_holder_alone(asked):
    holder, other = (asked.app.kit.voter(asked.id, number) for number in (0, 1))
    for voter in (other, replace(holder, thing="election:x"), replace(holder, is_verified=False)):
        with pytest.raises(Forbidden):
            await asked.shares.of(voter, asked.id, holder.credential)
    stranger = asked.app.kit.voter(asked.id, 77)
    with pytest.raises(NotFound) as refusal:
        await asked.shares.of(stranger, asked.id, stranger.credential)
    assert refusal.value.code == "ballot_not_found"


async def test_a_ballot_that_was_annulled_has_no_share_and_says_so(asked, app):
    voter = app.kit.voter(asked.id, 0)
    held = await asked.explaining.count(None, asked.id)
    annulled = msgspec.structs.replace(held, annulled=frozenset({voter.credential}))
    shares = OwnShares(app.ledger, _Fixed(annulled))
    found = await shares.of(voter, asked.id, voter.credential)
    assert (found.refused, found.share.paid) == ("ballot_annulled", ())


class _Fixed:
    """Holds one count."""

    def __init__(self, held):
        self._held = held

    async def count(self, claims, election_id):
        return self._held
