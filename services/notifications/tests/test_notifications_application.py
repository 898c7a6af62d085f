"""Commands, planning and handing over, on a real ledger and against real mail servers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from cahier_kernel.errors import DomainError
from cahier_ledger.model import Idempotency
from cahier_notifications.application import handing_over as handing
from cahier_notifications.application.commands import Wish
from cahier_notifications.application.ports import ServerAway
from cahier_notifications.domain.follows import (
    ContactStated,
    Followed,
    Level,
    Thing,
    ThingKind,
    Unfollowed,
)
from cahier_notifications.domain.mailings import MailEnded, MailingSettled, MailsPlanned
from cahier_notifications.domain.notices import Notice
from cahier_record.budget import delivery, life
from cahier_record.budget import events as budget
from cahier_record.consultation import events as consultation
from cahier_record.notifications.events import MailingHandedOver
from cahier_record.reporting import events as reporting

PROPOSAL = "0196b1f0-0000-7000-8000-000000000001"
PROCESS = "0196b1f0-0000-7000-8000-000000000002"
ELECTION = "0196b1f0-0000-7000-8000-000000000003"
SECOND = "0196b1f0-0000-7000-8000-000000000004"
REPORT = "0196b1f0-0000-7000-8000-000000000005"
THING = Thing(ThingKind.PROPOSAL, PROPOSAL)
ACCEPTED = consultation.ProposalAnswered(process=PROCESS, proposal=PROPOSAL, state="accepted")
COMMENTED = consultation.CommentAdded(proposal=PROPOSAL, comment="c", author="a")


def claims(desk, person: str, *roles: str):
    return type(desk).claims_of(person, *roles)


async def code_of(call) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.code


def kinds(events) -> list[str]:
    return [type(event).__name__ for event in events]


# -- commands ----------------------------------------------------------------------------------


async def test_a_follow_states_the_contact_and_is_listed(desk):
    await desk.follow("ann", level=Level.ESSENTIAL, language="fr")
    assert desk.events() == [
        ContactStated(person="ann", email="ann@example.org", language="fr"),
        Followed(person="ann", kind=THING.kind, thing=PROPOSAL, level=Level.ESSENTIAL),
    ]
    found = await desk.queries.follows(claims(desk, "ann"))
    assert [(row.thing, row.level) for row in found.rows] == [(THING, Level.ESSENTIAL)]
    assert (found.contact.email, found.contact.language) == ("ann@example.org", "fr")
    assert (await desk.queries.follows(claims(desk, "bob"))).rows == []


async def test_following_again_appends_nothing(desk):
    await desk.follow("ann")
    head = desk.ledger.head_seq()
    await desk.follow("ann")
    assert desk.ledger.head_seq() == head


async def test_a_follow_that_begins_by_itself_never_undoes_what_somebody_chose(desk):
    await desk.follow("ann", level=Level.ESSENTIAL, only_first=True)
    await desk.follow("ann", level=Level.ALL, language="fr")
    chosen = desk.ledger.head_seq()
    await desk.follow("ann", level=Level.ESSENTIAL, language="en", only_first=True)
    assert desk.ledger.head_seq() == chosen
    await desk.commands.unfollow(claims(desk, "ann"), THING, lambda: None)
    ended = desk.ledger.head_seq()
    await desk.follow("ann", level=Level.ESSENTIAL, only_first=True)
    assert desk.ledger.head_seq() == ended
    assert (await desk.queries.follows(claims(desk, "ann"))).rows == []


async def test_nothing_that_people_do_here_is_public(desk):
    await desk.follow("ann")
    await desk.follow("ann", level=Level.MINIMAL)
    await desk.commands.unfollow(claims(desk, "ann"), THING, lambda: None)
    assert desk.public() == []


async def test_another_level_keeps_since_when(desk):
    await desk.follow("ann", level=Level.MINIMAL)
    desk.clock.set(desk.clock.now() + timedelta(days=1))
    await desk.follow("ann", level=Level.ALL)
    (row,) = (await desk.queries.follows(claims(desk, "ann"))).rows
    assert (row.level, row.since) == (Level.ALL, "2026-03-01T08:00:00.000Z")


async def test_an_unknown_thing_is_not_followed(desk):
    for kind in ThingKind:
        assert await code_of(desk.follow("ann", kind, ELECTION)) == "thing_not_found"
    assert desk.events() == []


async def test_every_kind_of_thing_is_known_from_its_service(desk):
    desk.told(
        budget.ElectionCreated(
            election=ELECTION,
            envelope_cents=1,
            currency="EUR",
            opens_at="",
            closes_at="",
            rules=budget.Rules(vote_type="approval", rule="greedy"),
        )
    )
    desk.told(
        reporting.ReportReceived(report=REPORT, category="c", department="d", state="unconfirmed")
    )
    await desk.follow("ann", ThingKind.ELECTION, ELECTION)
    await desk.follow("ann", ThingKind.REPORT, REPORT)
    await desk.follow("ann", ThingKind.PROCESS, PROCESS)
    assert len((await desk.queries.follows(claims(desk, "ann"))).rows) == 3


async def test_who_is_no_resident_or_has_no_address_follows_nothing(desk):
    staff = claims(desk, "sam", "staff")
    follow = desk.commands.follow(staff, Wish(THING, Level.ALL), lambda: None)
    assert await code_of(follow) == "role_required"
    assert await code_of(desk.follow("ann", email="")) == "address_required"
    assert await code_of(desk.follow("ann", email="nonsense")) == "address_unusable"
    assert await code_of(desk.follow("ann", language="tlh")) == "language_unknown"
    assert await code_of(desk.commands.unfollow(staff, THING, lambda: None)) == "role_required"
    assert await code_of(desk.queries.follows(staff)) == "role_required"
    assert desk.events() == []


async def test_a_new_address_is_taken_for_all_of_a_persons_mails(desk):
    await desk.follow("ann")
    await desk.follow("ann", ThingKind.PROCESS, PROCESS, email="new@example.org")
    await desk.react(ACCEPTED)
    await desk.settled()
    assert desk.waiting() == ["proposal_accepted new"]


async def test_unfollowing_ends_it_once(desk):
    await desk.follow("ann")
    for _ in range(2):
        await desk.commands.unfollow(claims(desk, "ann"), THING, lambda: None)
    assert kinds(desk.events()) == ["ContactStated", "Followed", "Unfollowed"]
    assert (await desk.queries.follows(claims(desk, "ann"))).rows == []


async def test_a_mails_token_ends_its_follow_without_signing_in(desk):
    await desk.follow("ann")
    (row,) = (await desk.queries.follows(claims(desk, "ann"))).rows
    token = desk.unsubscribing.token(row.id)
    for _ in range(2):
        assert await desk.commands.unsubscribe(token) == THING
    assert desk.events()[2:] == [
        Unfollowed(person="ann", kind=THING.kind, thing=PROPOSAL, way="mail")
    ]
    await desk.follow("ann")
    assert kinds(desk.events())[3:] == ["Followed"]


async def test_a_wrong_token_ends_nothing(desk):
    await desk.follow("ann")
    (row,) = (await desk.queries.follows(claims(desk, "ann"))).rows
    token = desk.unsubscribing.token(row.id)
    never = desk.unsubscribing.token(PROPOSAL)
    for wrong in ("", "x", token[:-1], token + "A", token[:32] + "A" * 43, never):
        assert await code_of(desk.commands.unsubscribe(wrong)) == "unsubscribe_token_wrong"
    assert len(desk.events()) == 2


async def test_two_follows_at_once_are_one(desk):
    await asyncio.gather(*(desk.follow("ann", level=Level.ALL) for _ in range(3)))
    assert kinds(desk.events()) == ["ContactStated", "Followed"]


async def test_the_answer_is_kept_with_the_append(desk):
    kept = Idempotency("k", b"d", b"r")
    await desk.commands.follow(claims(desk, "ann"), Wish(THING, Level.ALL), lambda: kept)
    assert desk.ledger.recall("k") == kept


# -- planning ----------------------------------------------------------------------------------


async def test_an_event_plans_one_mail_a_follower(desk):
    for person in ("ann", "bob"):
        await desk.follow(person)
    await desk.react(ACCEPTED)
    await desk.settled()
    assert desk.waiting() == ["proposal_accepted ann", "proposal_accepted bob"]
    assert desk.planned == 1


async def test_an_event_that_is_delivered_again_plans_nothing_twice(desk):
    await desk.follow("ann")
    message = await desk.react(ACCEPTED)
    for _ in range(2):
        await desk.planning.react(type("D", (), {"message": message, "attempt": 2})())
    assert kinds(desk.events()).count("MailsPlanned") == 1


async def test_an_event_without_followers_stores_nothing(desk):
    await desk.react(ACCEPTED)
    assert desk.events() == []


@pytest.mark.parametrize(
    ("level", "letters"),
    [
        (Level.MINIMAL, ["proposal_accepted"]),
        (Level.ESSENTIAL, ["proposal_accepted", "project_added"]),
        (Level.ALL, ["proposal_accepted", "comment_added", "project_added"]),
    ],
)
async def test_a_level_holds_those_before_it(desk, level, letters):
    await desk.follow("ann", level=level)
    await desk.react(ACCEPTED)
    await desk.react(COMMENTED)
    await desk.react(
        budget.ProjectAdded(election=ELECTION, project="j1", number=1, proposal=PROPOSAL)
    )
    await desk.settled()
    assert [mail.partition(" ")[0] for mail in desk.waiting()] == letters


async def test_who_began_to_follow_later_does_not_hear_of_it(desk):
    desk.clock.set(desk.clock.now() + timedelta(hours=1))
    await desk.follow("ann")
    await desk.react(ACCEPTED, at=desk.clock.now() - timedelta(hours=1))
    await desk.react(COMMENTED, at=desk.clock.now() - timedelta(seconds=30))
    await desk.settled()
    assert desk.waiting() == ["comment_added ann"]


async def test_an_event_waits_for_the_views_it_rests_on(desk):
    message = desk.told(ACCEPTED)
    desk.others["consultation"].position = 0
    late = type("D", (), {"message": message, "attempt": 1})()
    assert await code_of(desk.planning.react(late)) == "views_lag"


async def with_projects(desk) -> None:
    """An election of PROCESS with PROPOSAL and SECOND as its projects, of which the first won."""
    rules = budget.Rules(vote_type="approval", rule="greedy")
    desk.told(consultation.ProposalSubmitted(process=PROCESS, proposal=SECOND, author="a"))
    desk.told(
        budget.ElectionCreated(
            election=ELECTION,
            process=PROCESS,
            envelope_cents=1,
            currency="EUR",
            opens_at="",
            closes_at="",
            rules=rules,
        )
    )
    for number, proposal in enumerate((PROPOSAL, SECOND), 1):
        project = f"j{number}"
        desk.told(
            budget.ProjectAdded(
                election=ELECTION, project=project, number=number, proposal=proposal
            )
        )
    result = budget.CountResult(
        rules=rules,
        envelope_cents=1,
        spent_cents=1,
        selected=(1,),
        numbers=(1, 2),
        votes=(3, 2),
        reasons=("", ""),
        ballots_counted=5,
        log_size=9,
        code_version="1",
    )
    desk.told(budget.BallotsCounted(election=ELECTION, result=result))


async def test_a_person_gets_one_mail_of_an_opening_whatever_they_follow(desk):
    await with_projects(desk)
    await desk.follow("ann")
    await desk.follow("ann", id=SECOND)
    await desk.follow("ann", ThingKind.ELECTION, ELECTION)
    await desk.follow("bob", ThingKind.PROCESS, PROCESS, Level.ESSENTIAL)
    await desk.follow("eve", ThingKind.PROCESS, PROCESS, Level.MINIMAL)
    await desk.react(budget.VotingOpened(election=ELECTION, trustee_key="k", ballot_size_bytes=1))
    await desk.settled()
    assert sorted(desk.waiting()) == ["voting_opened ann", "voting_opened bob"]


async def test_a_result_tells_followers_of_each_proposal(desk):
    await with_projects(desk)
    await desk.follow("ann", level=Level.MINIMAL)
    await desk.follow("ann", id=SECOND, level=Level.MINIMAL)
    await desk.follow("bob", ThingKind.ELECTION, ELECTION, Level.MINIMAL)
    await desk.react(budget.ResultPublished(election=ELECTION, count="c"))
    await desk.settled()
    assert sorted(desk.waiting()) == [
        "project_lost ann",
        "project_won ann",
        "result_published bob",
    ]


async def test_notices_of_one_event_may_ask_for_different_levels(desk, monkeypatch):
    from cahier_notifications.application import planning

    process = Thing(ThingKind.PROCESS, PROCESS)
    notices = [
        Notice(THING, Level.ALL, "comment_added", THING),
        Notice(process, Level.MINIMAL, "ideas_opened", process),
    ]
    monkeypatch.setattr(planning, "notices_of", lambda event, facts: notices)
    await desk.follow("ann", level=Level.ESSENTIAL)
    await desk.follow("bob", ThingKind.PROCESS, PROCESS, Level.MINIMAL)
    await desk.react(COMMENTED)
    await desk.settled()
    assert desk.waiting() == ["ideas_opened bob"]


async def test_a_plan_of_many_follows_is_split_and_whole(desk, monkeypatch):
    from cahier_notifications.application import planning

    monkeypatch.setattr(planning, "FOLLOWS_A_PLAN_MAX", 2)
    for number in range(5):
        await desk.follow(f"p{number}")
    await desk.react(ACCEPTED)
    plans = [event for event in desk.events() if isinstance(event, MailsPlanned)]
    assert [len(plan.follows) for plan in plans] == [2, 2, 1]
    await desk.settled()
    assert len(desk.waiting()) == 5


# -- handing over ------------------------------------------------------------------------------


async def test_mails_are_handed_over_and_the_mailing_is_told_in_public(desk, mail_box):
    for person in ("ann", "bob"):
        await desk.follow(person)
    message = await desk.react(ACCEPTED)
    await desk.settled()
    await desk.handing_over.round()
    await desk.settled()
    assert sorted(mail_box.recipients) == ["ann", "bob"]
    assert desk.waiting() == []
    (leaf,) = desk.public()
    assert leaf.event == MailingHandedOver(cause=message.id, mails=2)
    assert not await desk.handing_over.round()


async def test_a_public_leaf_names_nobody(desk, mail_box):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    await desk.handing_over.round()
    (row,) = desk.ledger.read_public()
    assert b"ann" not in row.leaf
    assert b"example" not in row.leaf
    assert desk.ledger.disclosures(row.id) == []


async def test_a_mail_that_was_taken_while_the_line_dropped_comes_again_with_its_id(desk, mail_box):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    mail_box.data = ["drop"]
    with pytest.raises(ServerAway):
        await desk.handing_over.round()
    assert desk.waiting() == ["proposal_accepted ann"]
    desk.now_s += handing.DELAYS_S[0]
    await desk.handing_over.round()
    assert len(mail_box.raw) == 2
    assert mail_box.raw[0] == mail_box.raw[1]
    assert desk.waiting() == []
    assert [leaf.event.mails for leaf in desk.public()] == [1]


async def test_a_server_that_stalls_is_left_and_the_mail_tried_again(desk, mail_box):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    mail_box.data = ["stall"]
    with pytest.raises(ServerAway):
        async with asyncio.timeout(8):
            await desk.handing_over.round()
    desk.now_s += handing.DELAYS_S[0]
    await desk.handing_over.round()
    assert desk.waiting() == []


async def test_a_mail_that_failed_does_not_keep_the_others_waiting(desk, mail_box):
    for person in ("ann", "bob"):
        await desk.follow(person)
    await desk.react(ACCEPTED)
    await desk.settled()
    mail_box.refuse["ann@example.org"] = "451 Later"
    await desk.handing_over.round()
    assert mail_box.recipients == ["bob"]
    await desk.settled()
    assert desk.waiting() == ["proposal_accepted ann"]
    assert not await desk.handing_over.round()  # not yet due
    mail_box.refuse.clear()
    desk.now_s += handing.DELAYS_S[0]
    await desk.handing_over.round()
    assert mail_box.recipients == ["bob", "ann"]


async def test_a_mail_that_is_refused_for_good_is_given_up_after_some_tries(desk, mail_box):
    for person in ("ann", "bob"):
        await desk.follow(person)
    message = await desk.react(ACCEPTED)
    await desk.settled()
    mail_box.refuse["ann@example.org"] = "550 No such person"
    for tries in range(handing.REFUSALS_MAX):
        ended = [event for event in desk.events() if isinstance(event, MailEnded)]
        assert len(ended) == min(tries, 1)
        await desk.handing_over.round()
        desk.now_s += handing.DELAYS_S[tries]
    await desk.settled()
    assert desk.waiting() == []
    outcomes = {e.outcome: e.code for e in desk.events() if isinstance(e, MailEnded)}
    assert outcomes == {"handed_over": 0, "given_up": 550}
    assert [leaf.event for leaf in desk.public()] == [MailingHandedOver(cause=message.id, mails=1)]


async def test_a_mailing_of_which_no_mail_was_taken_is_settled_in_private(desk, mail_box):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    await desk.commands.unfollow(claims(desk, "ann"), THING, lambda: None)
    await desk.handing_over.round()
    assert mail_box.mails == []
    assert [type(e) for e in desk.events()[-2:]] == [MailEnded, MailingSettled]
    assert desk.events()[-2].outcome == "dropped"
    assert desk.public() == []


@pytest.mark.parametrize("fault", ["hangs up", "gone", "refuses the sender"])
async def test_a_server_that_is_away_counts_against_no_mail(desk, mail_box, fault):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    if fault == "hangs up":
        mail_box.greets = False
    elif fault == "gone":
        await mail_box.stop()
    else:
        mail_box.senders = "550 Who are you?"
    for _ in range(handing.REFUSALS_MAX + 1):
        with pytest.raises(ServerAway):
            await desk.handing_over.round()
    mail_box.greets, mail_box.senders = True, "250 OK"
    if fault == "gone":
        await mail_box.start(mail_box.port)
    await desk.handing_over.round()
    assert mail_box.recipients == ["ann"]


async def test_the_loop_says_that_the_server_is_away_and_goes_on_when_it_is_back(
    desk, mail_box, monkeypatch, until
):
    monkeypatch.setattr(handing, "SERVER_PAUSE_S_FIRST", 0.02)
    monkeypatch.setattr(handing, "SERVER_PAUSE_S_MAX", 0.02)
    mail_box.greets = False
    loop = asyncio.create_task(desk.handing_over.run())
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    desk.handing_over.wake()
    await until(desk.handing_over.away)
    mail_box.greets = True
    await until(lambda: mail_box.recipients == ["ann"])
    await until(lambda: not desk.handing_over.away())
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_mail_that_has_ended_is_not_sent_again_when_the_view_lags(desk, mail_box):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    stale = desk.read_model.waiting((0, -1), 10)
    await desk.handing_over.round()
    desk.read_model.waiting = lambda after, limit: stale
    await desk.handing_over.round()
    assert mail_box.recipients == ["ann"]


async def test_many_mails_go_over_few_connections(desk, mail_box):
    for number in range(30):
        await desk.follow(f"p{number}")
    await desk.react(ACCEPTED)
    await desk.settled()
    await desk.handing_over.round()
    assert len(mail_box.mails) == 30
    assert mail_box.connections <= 2
    assert len({mail["Message-ID"] for mail in mail_box.mails}) == 30


async def comments(desk, count: int) -> None:
    """Mails to ann, one each."""
    for _ in range(count):
        await desk.react(COMMENTED)
    await desk.settled()


async def test_a_conversation_is_kept_from_round_to_round(desk, mail_box):
    await desk.follow("ann")
    for _ in range(4):
        await comments(desk, 1)
        await desk.handing_over.round()
    assert len(mail_box.mails) == 4
    assert mail_box.connections == 1


async def test_a_line_that_dropped_while_it_was_idle_costs_no_try(desk, mail_box):
    await desk.follow("ann")
    await comments(desk, 1)
    await desk.handing_over.round()
    mail_box.hang_up()
    await comments(desk, 1)
    await desk.handing_over.round()
    assert len(mail_box.mails) == 2
    assert mail_box.connections == 2


async def test_a_server_that_ends_a_conversation_after_some_mails_is_called_again(desk, mail_box):
    mail_box.mails_a_line = 3
    await desk.follow("ann")
    await comments(desk, 10)
    await desk.handing_over.round()
    assert desk.waiting() == []
    assert len({mail["Message-ID"] for mail in mail_box.mails}) == len(mail_box.mails) == 10


async def test_a_conversation_is_ended_after_many_mails(desk, mail_box, monkeypatch):
    from cahier_notifications.application import lines

    monkeypatch.setattr(lines, "LINE_MAILS_MAX", 2)
    await desk.follow("ann")
    await comments(desk, 10)
    await desk.handing_over.round()
    assert len(mail_box.mails) == 10
    assert mail_box.connections >= 5


async def test_a_refused_mail_leaves_its_conversation_to_the_next(desk, mail_box):
    for person in ("ann", "bob", "eve"):
        await desk.follow(person)
    mail_box.refuse["ann@example.org"] = "451 Later"
    await desk.react(ACCEPTED)
    await desk.settled()
    await desk.handing_over.round()
    assert sorted(mail_box.recipients) == ["bob", "eve"]
    assert mail_box.connections <= 2


async def test_idle_conversations_are_ended(desk, mail_box, monkeypatch, until):
    monkeypatch.setattr(handing, "IDLE_S", 0.02)
    await desk.follow("ann")
    await comments(desk, 1)
    running = asyncio.create_task(desk.handing_over.run())
    await until(lambda: mail_box.mails)
    await until(lambda: all(line.transport is None for line in mail_box.lines))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_many_events_are_planned_with_one_commit_and_each_failure_is_its_own(desk):
    for person in ("ann", "bob"):
        await desk.follow(person)
    messages = [desk.told(event) for event in (ACCEPTED, COMMENTED, COMMENTED)]
    messages.insert(1, replace(messages[0], id="x", leaf=b"no leaf"))
    before = desk.ledger.counters.batches
    deliveries = [type("D", (), {"message": message, "attempt": 1})() for message in messages]
    outcomes = await desk.planning.react_to_many(deliveries)
    assert [outcome is None for outcome in outcomes] == [True, False, True, True]
    assert desk.ledger.counters.batches == before + 1
    plans = [event for event in desk.events() if isinstance(event, MailsPlanned)]
    assert [plan.cause for plan in plans] == [messages[n].id for n in (0, 2, 3)]
    again = await desk.planning.react_to_many(deliveries)
    assert [outcome is None for outcome in again] == [True, False, True, True]
    assert kinds(desk.events()).count("MailsPlanned") == 3


async def test_a_letter_that_cannot_be_written_is_given_up(desk, mail_box, monkeypatch):
    await desk.follow("ann")
    await desk.react(ACCEPTED)
    await desk.settled()
    monkeypatch.setitem(desk.letters._catalogues["en"], "letter", {})
    await desk.handing_over.round()
    (ended,) = [event for event in desk.events() if isinstance(event, MailEnded)]
    assert ended.outcome == "given_up"
    assert mail_box.mails == []


async def test_who_follows_a_merged_project_hears_of_what_became_of_it(desk):
    await with_projects(desk)
    await desk.follow("ann", level=Level.MINIMAL)
    await desk.follow("bob", id=SECOND, level=Level.MINIMAL)
    await desk.react(
        life.ChangeProposed(
            election=ELECTION,
            change="c",
            kind="merge",
            projects=("j1", "j2"),
            results=1,
            asked=(PROPOSAL, SECOND),
        )
    )
    made = life.ChangedProject(project="j3", number=3, proposal=SECOND)
    desk.told(life.ChangeCompleted(election=ELECTION, change="c", results=(made,)))
    await desk.react(delivery.ProjectFinished(election=ELECTION, project="j3", postings=()))
    await desk.settled()
    assert sorted(desk.waiting()) == [
        "merge_proposed ann",
        "merge_proposed bob",
        "project_finished bob",
    ]
