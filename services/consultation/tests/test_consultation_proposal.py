"""The proposal's rules, and those of supports and comments, as given / when / then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cahier_consultation.domain import voices
from cahier_consultation.domain.proposal import CHANGES_MAX, Answer, Proposal
from cahier_kernel.errors import DomainError, FailedPrecondition, Forbidden, Invalid

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
AUTHOR = "0196-author"
PROPOSAL_ID = UUID(int=2)


def submit(**changes) -> Proposal:
    given = {
        "title": "Une piste cyclable",
        "body": "De la gare au stade.",
        "category": "Mobilité",
        "district": "Nord",
        "edit_window_seconds": 3600,
    }
    return Proposal.submit(
        id=PROPOSAL_ID,
        process_id=UUID(int=1),
        author=AUTHOR,
        pseudonym="p" * 43,
        now=NOW,
        **(given | changes),
    )


def submitted(*answers: Answer, withdrawn: bool = False) -> Proposal:
    proposal = submit()
    for answer in answers:
        proposal.give_answer(answer=answer, text="Because", now=NOW)
    if withdrawn:
        proposal.withdraw(person=AUTHOR, now=NOW)
    proposal.collect_events()
    return proposal


def happened(proposal: Proposal) -> list[str]:
    return [type(event).TOPIC.rpartition(".")[2] for event in proposal.collect_events()]


def refused(proposal: Proposal, command: str, **arguments) -> str:
    with pytest.raises(DomainError) as refusal:
        getattr(proposal, command)(**arguments)
    assert happened(proposal) == []
    return refusal.value.code


def test_a_proposal_is_submitted_unanswered():
    proposal = submit()
    assert proposal.answer is Answer.NOT_ANSWERED
    assert happened(proposal) == ["submitted"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": ""}, "text_required", "title"),
        ({"title": "x" * 151}, "text_too_long", "title"),
        ({"body": "x" * 20_001}, "text_too_long", "body"),
        ({"body": "\x1b[2J"}, "text_unprintable", "body"),
        ({"category": "x" * 81}, "text_too_long", "category"),
        ({"category": "a\u2028b"}, "text_unprintable", "category"),
        ({"district": "x" * 121}, "text_too_long", "district"),
    ],
)
def test_a_malformed_proposal_is_refused_with_its_field(changes, code, field):
    with pytest.raises(Invalid) as refusal:
        submit(**changes)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_labels_and_body_may_be_empty_and_emoji_may_be_joined():
    assert happened(submit(body="", category="", district="", title="👩‍🌾 Potager")) == [
        "submitted"
    ]


def test_the_author_edits_until_the_window_is_over():
    proposal = submitted()
    proposal.edit(person=AUTHOR, title="T", body="B", now=LATER - timedelta(milliseconds=1))
    assert (proposal.title, proposal.body, happened(proposal)) == ("T", "B", ["edited"])
    assert refused(proposal, "edit", person=AUTHOR, title="T", body="B", now=LATER) == (
        "edit_window_over"
    )


def test_only_the_author_edits_and_withdraws():
    proposal = submitted()
    with pytest.raises(Forbidden, match="not_the_author"):
        proposal.edit(person="somebody", title="T", body="B", now=NOW)
    with pytest.raises(Forbidden, match="not_the_author"):
        proposal.withdraw(person="somebody", now=NOW)
    assert happened(proposal) == []


def test_an_edit_obeys_the_rules_for_texts():
    assert refused(submitted(), "edit", person=AUTHOR, title="", body="", now=NOW) == (
        "text_required"
    )


@pytest.mark.parametrize("decision", [Answer.ACCEPTED, Answer.REJECTED])
def test_a_decided_proposal_is_neither_edited_nor_withdrawn(decision):
    proposal = submitted(decision)
    assert refused(proposal, "edit", person=AUTHOR, title="T", body="", now=NOW) == (
        "proposal_answered"
    )
    assert refused(proposal, "withdraw", person=AUTHOR, now=NOW) == "proposal_answered"


def test_a_proposal_under_evaluation_can_be_withdrawn_once():
    proposal = submitted(Answer.EVALUATING)
    proposal.withdraw(person=AUTHOR, now=NOW)
    assert happened(proposal) == ["withdrawn"]
    assert refused(proposal, "withdraw", person=AUTHOR, now=NOW) == "proposal_withdrawn"


@pytest.mark.parametrize(
    ("before", "answer", "text"),
    [
        ((), Answer.EVALUATING, ""),
        ((), Answer.ACCEPTED, ""),
        ((), Answer.REJECTED, "No room"),
        ((Answer.EVALUATING,), Answer.ACCEPTED, ""),
        ((Answer.ACCEPTED,), Answer.REJECTED, "It burnt down"),
        ((Answer.REJECTED,), Answer.EVALUATING, "New facts"),
    ],
)
def test_the_city_answers_and_may_change_its_mind(before, answer, text):
    proposal = submitted(*before)
    proposal.give_answer(answer=answer, text=text, now=NOW)
    assert proposal.answer is answer
    assert happened(proposal) == ["answered"]


@pytest.mark.parametrize(
    ("before", "answer", "text", "code"),
    [
        ((), Answer.NOT_ANSWERED, "x", "answer_state_required"),
        ((), Answer.REJECTED, " ", "text_required"),
        ((), Answer.ACCEPTED, "x" * 20_001, "text_too_long"),
        ((Answer.ACCEPTED,), Answer.ACCEPTED, "again", "already_answered"),
        ((Answer.EVALUATING,), Answer.EVALUATING, "again", "already_answered"),
        ((Answer.REJECTED,), Answer.ACCEPTED, "", "text_required"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused(before, answer, text, code):
    assert refused(submitted(*before), "give_answer", answer=answer, text=text, now=NOW) == code


def test_a_withdrawn_proposal_takes_no_answer_support_or_comment():
    proposal = submitted(withdrawn=True)
    accepted = {"answer": Answer.ACCEPTED, "text": "", "now": NOW}
    assert refused(proposal, "give_answer", **accepted) == "proposal_withdrawn"
    assert refused(proposal, "require_supportable") == "proposal_withdrawn"
    assert refused(proposal, "require_open_to_comments") == "proposal_withdrawn"


def test_a_rejected_proposal_takes_comments_but_no_supports():
    proposal = submitted(Answer.REJECTED)
    proposal.require_open_to_comments()
    assert refused(proposal, "require_supportable") == "proposal_closed"
    submitted(Answer.ACCEPTED).require_supportable()


def test_supports_alternate_with_withdrawals_and_repetitions_are_nothing():
    supported = voices.decide_support(0, PROPOSAL_ID, "p")
    assert supported == voices.Supported(proposal=str(PROPOSAL_ID), supporter="p")
    assert voices.decide_support(1, PROPOSAL_ID, "p") is None
    assert voices.decide_unsupport(0, PROPOSAL_ID, "p") is None
    assert isinstance(voices.decide_unsupport(1, PROPOSAL_ID, "p"), voices.SupportWithdrawn)
    assert voices.decide_unsupport(2, PROPOSAL_ID, "p") is None
    assert isinstance(voices.decide_support(2, PROPOSAL_ID, "p"), voices.Supported)


def test_a_support_is_named_by_proposal_and_person():
    one = voices.support_key(PROPOSAL_ID, "p")
    assert one == voices.support_key(PROPOSAL_ID, "p")
    assert one != voices.support_key(PROPOSAL_ID, "q")
    assert one != voices.support_key(UUID(int=3), "p")


def test_a_proposal_taken_back_is_not_reopened_by_an_answer():
    with pytest.raises(FailedPrecondition):
        submitted(withdrawn=True).give_answer(answer=Answer.EVALUATING, text="x", now=NOW)


@pytest.mark.parametrize(("body", "code"), [("", "text_required"), ("x" * 5_001, "text_too_long")])
def test_a_comment_says_something_but_not_too_much(body, code):
    with pytest.raises(Invalid) as refusal:
        voices.decide_comment(
            proposal_id=PROPOSAL_ID,
            comment_id=UUID(int=4),
            author=AUTHOR,
            pseudonym="p",
            parent_id=None,
            body=body,
        )
    assert (refusal.value.code, refusal.value.field) == (code, "body")


def test_its_author_answers_a_change_of_the_project_once():
    proposal = submitted(Answer.ACCEPTED)
    change = {"person": AUTHOR, "change": UUID(int=9), "agrees": True, "now": LATER}
    proposal.answer_change(**change)
    assert happened(proposal) == ["change_answered"]
    assert refused(proposal, "answer_change", **change) == "change_already_answered"


def test_nobody_else_answers_a_change_of_the_project():
    given = {"person": "somebody", "change": UUID(int=9), "agrees": True, "now": LATER}
    assert refused(submitted(), "answer_change", **given) == "not_the_author"


def test_answers_to_changes_have_a_bound():
    proposal = submitted(Answer.ACCEPTED)
    for number in range(CHANGES_MAX):
        proposal.answer_change(person=AUTHOR, change=UUID(int=number), agrees=False, now=LATER)
    proposal.collect_events()
    given = {"person": AUTHOR, "change": UUID(int=999), "agrees": True, "now": LATER}
    assert refused(proposal, "answer_change", **given) == "too_many_changes"
