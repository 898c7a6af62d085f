"""Commands, queries and due phases against a real ledger: what is stored, told and shown."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from cahier_chassis.pseudonyms import HmacPseudonyms
from cahier_consultation.application.commands import NewProposal
from cahier_consultation.application.ports import ProposalFilter
from cahier_consultation.application.projections import VIEW
from cahier_consultation.application.queries import Order
from cahier_consultation.domain.proposal import Answer
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, FailedPrecondition, Forbidden, Invalid, NotFound
from cahier_ledger.model import Idempotency
from cahier_record.consultation import events as public


def unkept(receipt):
    return None


async def opened(desk) -> UUID:
    return UUID(await desk.process())


async def proposed(desk, **changes) -> UUID:
    return UUID(await desk.proposal(await opened(desk), **changes))


async def answered(desk, proposal: UUID, answer: Answer, text: str = "Because") -> None:
    staff = desk.claims("staff-1", "staff")
    await desk.commands.answer_proposal(staff, proposal, answer, text, unkept)


async def refusal_of(desk, command) -> DomainError:
    """The refusal of a command that must have stored nothing."""
    before = desk.ledger.head_seq()
    with pytest.raises(DomainError) as refusal:
        await command
    assert desk.ledger.head_seq() == before
    return refusal.value


async def test_what_happens_is_told_in_public_without_texts_or_persons(desk):
    proposal = await proposed(desk, person="ann-the-person", title="Secret garden", body="Roses")
    ann = desk.claims("ann-the-person", "resident")
    await desk.commands.edit_proposal(ann, proposal, "Open garden", "Tulips", unkept)
    await desk.voices.support(ann, proposal, "", unkept)
    await desk.voices.unsupport(ann, proposal, unkept)
    await desk.voices.comment(ann, proposal, None, "Daisies", unkept)
    await answered(desk, proposal, Answer.REJECTED, "Moles")
    assert desk.told() == [
        "process_created",
        "idea_phase_opened",
        "proposal_submitted",
        "proposal_edited",
        "proposal_supported",
        "support_withdrawn",
        "comment_added",
        "proposal_answered",
    ]
    raw = b"".join(row.leaf for row in desk.ledger.read_public(0, 100)).decode()
    for hidden in ("ann-the-person", "garden", "Roses", "Tulips", "Daisies", "Moles", "Huit"):
        assert hidden not in raw


async def test_every_text_is_disclosed_under_its_event(desk):
    proposal = await proposed(desk, title="Jardin", body="Roses")
    await answered(desk, proposal, Answer.REJECTED, "Taupes")
    texts = [
        {item.name: item.value for item in desk.queries.disclosures(leaf.id)}
        for leaf in desk.public()
    ]
    assert texts == [
        {"title": "Budget participatif", "description": "Huit millions"},
        {},
        {"title": "Jardin", "body": "Roses"},
        {"text": "Taupes"},
    ]


async def test_an_unknown_event_has_no_disclosures(desk):
    with pytest.raises(NotFound, match="event_not_found"):
        desk.queries.disclosures(str(uuid4()))


async def test_one_person_has_one_name_on_a_proposal_and_another_on_the_next(desk):
    process = await opened(desk)
    ann = desk.claims("ann", "resident")
    one, two = [UUID(await desk.proposal(process)) for _ in range(2)]
    await desk.voices.support(ann, one, "", unkept)
    await desk.voices.comment(ann, one, None, "Oui", unkept)
    first, second = (
        leaf.event for leaf in desk.public() if isinstance(leaf.event, public.ProposalSubmitted)
    )
    assert len(first.author) == 43
    assert first.author != second.author
    assert desk.public()[-2].event.supporter == first.author
    assert desk.public()[-1].event.author == first.author
    assert two != one


async def test_receipts_name_the_public_events(desk):
    process = await opened(desk)
    new = NewProposal(process, "T", "B", "c", "d", "")
    ann = desk.claims("ann", "resident")
    receipts = [await desk.commands.submit_proposal(ann, new, unkept)]
    proposal = UUID(receipts[0].id)
    receipts.append(await desk.voices.support(ann, proposal, "", unkept))
    receipts.append(await desk.voices.comment(ann, proposal, None, "Oui", unkept))
    receipts.append(await desk.commands.withdraw_proposal(ann, proposal, unkept))
    assert [receipt.event_id for receipt in receipts] == [leaf.id for leaf in desk.public()[-4:]]


async def test_proposals_are_refused_before_the_opening_and_from_the_closing_on(desk):
    opens, closes = desk.clock.now() + timedelta(hours=1), desk.clock.now() + timedelta(hours=2)
    process = UUID(await desk.process(opens_at=opens, closes_at=closes))
    early = await refusal_of(desk, desk.proposal(process))
    desk.clock.set(closes)
    late = await refusal_of(desk, desk.proposal(process))
    assert (early.code, late.code) == ("idea_phase_not_open", "idea_phase_not_open")


async def test_a_submission_that_comes_before_the_timer_opens_the_due_phase(desk):
    opens = desk.clock.now() + timedelta(hours=1)
    process = UUID(await desk.process(opens_at=opens))
    desk.clock.set(opens)
    await desk.proposal(process)
    assert desk.told() == ["process_created", "idea_phase_opened", "proposal_submitted"]


async def test_due_phases_open_and_close_once_however_often_they_are_looked_at(desk):
    opens, closes = desk.clock.now() + timedelta(hours=1), desk.clock.now() + timedelta(hours=2)
    for _ in range(3):
        await desk.process(opens_at=opens, closes_at=closes)
    for now in (desk.clock.now(), opens, opens, closes, closes):
        await desk.phases.run_due(now)
        await desk.read_model.settle(desk.ledger.head_seq())
    assert desk.told().count("idea_phase_opened") == 3
    assert desk.told().count("idea_phase_closed") == 3


async def test_dates_move_and_are_shown(desk):
    process = await opened(desk)
    closes = desk.clock.now() + timedelta(days=60)
    await desk.commands.reschedule_idea_phase(
        desk.claims("s", "staff"),
        process,
        desk.clock.now() - timedelta(days=1),
        closes,
        "Storm",
        unkept,
    )
    assert desk.queries.process(process).closes_at == "2026-04-30T08:00:00.000Z"
    assert desk.told()[-1] == "idea_phase_rescheduled"


async def test_submitting_and_closing_at_once_leaves_no_proposal_after_the_closing(desk):
    closes = desk.clock.now() + timedelta(hours=1)
    process = UUID(await desk.process(closes_at=closes))
    submissions = [desk.proposal(process, person=f"p{n}") for n in range(20)]
    closing = desk.phases.run_due(closes)
    await asyncio.gather(*submissions, closing, return_exceptions=True)
    told = desk.told()
    assert "proposal_submitted" not in told[told.index("idea_phase_closed") :]


async def test_a_support_counts_once_and_repeating_it_answers_the_same(desk):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")
    receipts = await asyncio.gather(
        *(desk.voices.support(ann, proposal, "", unkept) for _ in range(5))
    )
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert desk.told().count("proposal_supported") == 1
    assert desk.queries.proposal(proposal, "").row.supports == 1


async def test_a_support_taken_back_and_given_again_counts_once(desk):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")
    never = await desk.voices.unsupport(ann, proposal, unkept)
    first = await desk.voices.support(ann, proposal, "", unkept)
    back = [await desk.voices.unsupport(ann, proposal, unkept) for _ in range(2)]
    again = await desk.voices.support(ann, proposal, "", unkept)
    assert never.event_id == ""
    assert back[0] == back[1]
    assert len({first.event_id, back[0].event_id, again.event_id}) == 3
    assert desk.queries.proposal(proposal, "ann").row.supports == 1
    assert desk.queries.proposal(proposal, "ann").supported


async def test_a_call_that_changed_nothing_is_remembered_under_its_key_all_the_same(desk):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")

    def keep(receipt):
        return Idempotency("key-1", b"digest", receipt.event_id.encode())

    await desk.voices.unsupport(ann, proposal, keep)
    await desk.voices.support(ann, proposal, "", unkept)
    assert desk.ledger.recall("key-1") == Idempotency("key-1", b"digest", b"")
    with pytest.raises(DomainError, match="idempotency_key_used"):
        await desk.voices.unsupport(ann, proposal, keep)
    assert desk.queries.proposal(proposal, "").row.supports == 1


async def test_many_supporters_at_once_are_all_counted(desk):
    proposal = await proposed(desk)
    await asyncio.gather(
        *(
            desk.voices.support(desk.claims(f"p{n}", "resident"), proposal, "", unkept)
            for n in range(50)
        )
    )
    assert desk.queries.proposal(proposal, "").row.supports == 50


async def test_a_rejected_or_withdrawn_proposal_takes_no_support(desk):
    process = await opened(desk)
    rejected, withdrawn = [UUID(await desk.proposal(process)) for _ in range(2)]
    ann = desk.claims("ann", "resident")
    await desk.voices.support(ann, rejected, "", unkept)
    await answered(desk, rejected, Answer.REJECTED)
    await desk.commands.withdraw_proposal(ann, withdrawn, unkept)
    ben = desk.claims("ben", "resident")
    closed = await refusal_of(desk, desk.voices.support(ben, rejected, "", unkept))
    gone = await refusal_of(desk, desk.voices.support(ben, withdrawn, "", unkept))
    silent = await refusal_of(desk, desk.voices.comment(ben, withdrawn, None, "Oh", unkept))
    codes = [closed.code, gone.code, silent.code]
    assert codes == ["proposal_closed", "proposal_withdrawn", "proposal_withdrawn"]
    assert (await desk.voices.unsupport(ann, rejected, unkept)).event_id


async def test_supporting_while_the_proposal_is_withdrawn_leaves_no_support_after_it(desk):
    proposal = await proposed(desk)
    supports = [
        desk.voices.support(desk.claims(f"p{n}", "resident"), proposal, "", unkept)
        for n in range(20)
    ]
    withdrawal = desk.commands.withdraw_proposal(desk.claims("ann", "resident"), proposal, unkept)
    await asyncio.gather(*supports[:10], withdrawal, *supports[10:], return_exceptions=True)
    told = desk.told()
    assert "proposal_supported" not in told[told.index("proposal_withdrawn") :]


async def test_a_comment_answers_a_comment_of_the_same_proposal_only(desk):
    process = await opened(desk)
    one, two = [UUID(await desk.proposal(process)) for _ in range(2)]
    ann = desk.claims("ann", "resident")
    top = await desk.voices.comment(ann, one, None, "Oui", unkept)
    await desk.voices.comment(ann, one, UUID(top.id), "Si", unkept)
    for place, parent in ((two, UUID(top.id)), (one, uuid4()), (one, one)):
        error = await refusal_of(desk, desk.voices.comment(ann, place, parent, "No", unkept))
        assert (error.code, error.field) == ("parent_not_found", "parent_id")
    comments = desk.queries.comments(one, 0, "").comments
    assert [(row.parent, row.body) for row in comments] == [("", "Oui"), (top.id, "Si")]
    assert desk.queries.proposal(one, "").row.comments == 2


async def test_roles_are_required(desk):
    process = await opened(desk)
    proposal = UUID(await desk.proposal(process))
    ann, staff, voter = (
        desk.claims("ann", "resident"),
        desk.claims("sue", "staff"),
        desk.claims("v"),
    )
    new = NewProposal(process, "T", "B", "", "", "")
    refused = [
        desk.commands.answer_proposal(ann, proposal, Answer.ACCEPTED, "", unkept),
        desk.commands.submit_proposal(staff, new, unkept),
        desk.commands.submit_proposal(voter, new, unkept),
        desk.commands.edit_proposal(staff, proposal, "T", "B", unkept),
        desk.commands.withdraw_proposal(staff, proposal, unkept),
        desk.voices.support(voter, proposal, "", unkept),
        desk.voices.unsupport(voter, proposal, unkept),
        desk.voices.comment(voter, proposal, None, "Oui", unkept),
        desk.voices.support(ann, proposal, str(uuid4()), unkept),
    ]
    for command in refused:
        error = await refusal_of(desk, command)
        assert isinstance(error, Forbidden)
        assert error.code == "role_required"
    with pytest.raises(Forbidden):
        await desk.commands.reschedule_idea_phase(
            ann, process, desk.clock.now(), desk.clock.now(), "r", unkept
        )


async def test_an_importer_speaks_for_others_and_must_say_for_whom(desk):
    process = await opened(desk)
    importer, person = desk.claims("imp", "importer"), str(uuid4())
    new = NewProposal(process, "T", "B", "", "", person)
    made = await desk.commands.submit_proposal(importer, new, unkept)
    await desk.voices.support(importer, UUID(made.id), person, unkept)
    seen = desk.queries.proposal(UUID(made.id), person)
    assert (seen.written, seen.supported) == (True, True)
    error = await refusal_of(desk, desk.voices.support(importer, UUID(made.id), "", unkept))
    assert (error.code, error.field) == ("on_behalf_of_required", "on_behalf_of")


async def test_unknown_things_are_not_found(desk):
    ann, staff = desk.claims("ann", "resident"), desk.claims("sue", "staff")
    stranger = uuid4()
    process = await opened(desk)
    found = [
        await refusal_of(desk, desk.proposal(stranger)),
        await refusal_of(desk, desk.voices.support(ann, stranger, "", unkept)),
        await refusal_of(desk, desk.voices.support(ann, process, "", unkept)),
        await refusal_of(desk, desk.voices.comment(ann, stranger, None, "Oui", unkept)),
        await refusal_of(
            desk, desk.commands.answer_proposal(staff, stranger, Answer.ACCEPTED, "", unkept)
        ),
    ]
    assert [error.code for error in found] == ["process_not_found"] + ["proposal_not_found"] * 4
    for query in (desk.queries.process, lambda id: desk.queries.proposal(id, "")):
        with pytest.raises(NotFound):
            query(stranger)


async def test_a_kept_answer_is_stored_with_the_events_or_not_at_all(desk):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")
    await desk.voices.support(ann, proposal, "", lambda done: Idempotency("k", b"d", b"answer"))
    assert desk.ledger.recall("k") == Idempotency("k", b"d", b"answer")
    await refusal_of(
        desk,
        desk.commands.edit_proposal(
            ann, proposal, "", "", lambda done: Idempotency("l", b"d", b"x")
        ),
    )
    assert desk.ledger.recall("l") is None


async def test_a_proposal_shows_what_its_author_may_still_do(desk):
    proposal = await proposed(desk)
    own, other = desk.queries.proposal(proposal, "ann"), desk.queries.proposal(proposal, "ben")
    assert (own.written, own.editable, own.supported) == (True, True, False)
    assert (other.written, other.editable, other.supported) == (False, False, False)
    desk.clock.set(desk.clock.now() + timedelta(hours=1))
    assert not desk.queries.proposal(proposal, "ann").editable


async def pages(desk, process: UUID, order: Order, size: int, **which) -> list[str]:
    chosen = ProposalFilter(
        str(process), which.get("state", ""), which.get("include_withdrawn", False)
    )
    titles, token = [], ""
    for _ in range(20):
        page = desk.queries.proposals(chosen, order, size, token, "")
        titles += [seen.row.title for seen in page.proposals]
        assert all(seen.row.body == "" for seen in page.proposals)
        token = page.next_page_token
        if not token:
            assert page.total == len(titles)
            return titles
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("size", [1, 2, 3, 200])
async def test_lists_are_paged_in_each_order_without_gaps_or_repetitions(desk, size):
    process = await opened(desk)
    ids = [UUID(await desk.proposal(process, title=title)) for title in "abcdef"]
    for index, supporters in ((4, 3), (1, 2), (2, 2)):
        for n in range(supporters):
            voter = desk.claims(f"p{n}", "resident")
            await desk.voices.support(voter, ids[index], "", unkept)
    await desk.commands.withdraw_proposal(desk.claims("ann", "resident"), ids[5], unkept)
    await answered(desk, ids[0], Answer.ACCEPTED)
    assert await pages(desk, process, Order.AS_SUBMITTED, size) == list("abcde")
    assert await pages(desk, process, Order.NEWEST, size) == list("edcba")
    assert await pages(desk, process, Order.SUPPORTS, size) == list("ebcad")
    every = await pages(desk, process, Order.AS_SUBMITTED, size, include_withdrawn=True)
    assert every == list("abcdef")
    accepted = await pages(desk, process, Order.AS_SUBMITTED, size, state="accepted")
    assert accepted == ["a"]
    assert desk.queries.process(process).proposals == 5


async def test_comments_are_paged_oldest_first(desk):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")
    for body in "abc":
        await desk.voices.comment(ann, proposal, None, body, unkept)
    first = desk.queries.comments(proposal, 2, "")
    rest = desk.queries.comments(proposal, 2, first.next_page_token)
    assert [row.body for row in (*first.comments, *rest.comments)] == list("abc")
    assert rest.next_page_token == ""


@pytest.mark.parametrize(
    ("size", "token", "code"),
    [
        (-1, "", "page_size_out_of_range"),
        (201, "", "page_size_out_of_range"),
        (1, "rubbish", "page_token_malformed"),
        (1, "WyJuIiwgMV0=", "page_token_malformed"),  # of another order
        (1, "WyJzIiwgLTFd", "page_token_malformed"),  # a negative number
        (1, "WyJzIiwgImEiXQ==", "page_token_malformed"),  # text for a number
        (1, "bnVsbA==", "page_token_malformed"),
        (1, "é", "page_token_malformed"),
        (1, "A" * 10_000, "page_token_malformed"),
    ],
)
async def test_malformed_pages_are_refused(desk, size, token, code):
    process = await opened(desk)
    which = ProposalFilter(str(process), "", False)
    with pytest.raises(Invalid) as refusal:
        desk.queries.proposals(which, Order.AS_SUBMITTED, size, token, "")
    assert refusal.value.code == code


async def test_processes_are_listed_newest_first_with_short_descriptions(desk):
    await desk.process(title="old")
    await desk.process(title="new", description="x" * 20_000)
    rows = desk.queries.processes()
    assert [row.title for row in rows] == ["new", "old"]
    assert len(rows[0].description) == 500
    assert len(desk.queries.process(UUID(rows[0].id)).description) == 20_000


async def test_a_view_built_again_from_the_log_is_the_same(desk, tmp_path):
    proposal = await proposed(desk)
    ann = desk.claims("ann", "resident")
    await desk.voices.support(ann, proposal, "", unkept)
    await desk.voices.comment(ann, proposal, None, "Oui", unkept)
    await answered(desk, proposal, Answer.ACCEPTED)
    before = desk.queries.proposal(proposal, "ann")
    desk.views.forget(VIEW)
    desk.views.declare(VIEW)
    assert desk.read_model.proposal(str(proposal)) is None
    again = type(desk.projection)(desk.ledger, desk.views, VIEW, desk.projection._fold)
    task = asyncio.create_task(again.run())
    assert await again.wait_for(desk.ledger.head_seq(), 30)
    task.cancel()
    assert desk.queries.proposal(proposal, "ann") == before


async def test_an_answered_proposal_is_told_with_its_process(desk):
    proposal = await proposed(desk)
    await answered(desk, proposal, Answer.ACCEPTED, "")
    event = desk.public()[-1].event
    assert isinstance(event, public.ProposalAnswered)
    assert (event.state, event.proposal) == ("accepted", str(proposal))
    assert UUID(event.process)


async def test_the_same_answer_twice_is_refused(desk):
    proposal = await proposed(desk)
    await answered(desk, proposal, Answer.EVALUATING)
    with pytest.raises(FailedPrecondition, match="already_answered"):
        await answered(desk, proposal, Answer.EVALUATING)


async def test_only_phases_with_something_due_are_looked_at(desk):
    now = desk.clock.now()
    hour = timedelta(hours=1)
    await desk.process(opens_at=now - 2 * hour, closes_at=now - hour)
    to_come = await desk.process(opens_at=now + hour, closes_at=now + 2 * hour)
    running = await desk.process(closes_at=now + 3 * hour)
    due = []
    for later in (timedelta(0), hour, 3 * hour):
        due.append(desk.read_model.due_processes(to_rfc3339(now + later), 100))
    assert due == [[], [to_come], [to_come, running]]


def test_a_pseudonym_is_the_hmac_of_person_and_thing():
    expected = hmac.new(b"k" * 32, b"ann\x00proposal", hashlib.sha256).digest()
    name = HmacPseudonyms(b"k" * 32).of("ann", "proposal")
    assert base64.urlsafe_b64decode(name + "=") == expected
