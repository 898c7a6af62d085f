"""The process's rules, as given / when / then over its events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cahier_consultation.domain.process import Phase, Process
from cahier_kernel.errors import DomainError, FailedPrecondition, Invalid

OPENS = datetime(2026, 3, 1, 8, tzinfo=UTC)
CLOSES = datetime(2026, 4, 1, 8, tzinfo=UTC)
BEFORE = OPENS - timedelta(days=1)
DURING = OPENS + timedelta(days=1)
AFTER = CLOSES + timedelta(days=1)
PROCESS_ID = UUID(int=1)


def create(now: datetime = BEFORE, **changes) -> Process:
    given = {
        "title": "Budget participatif",
        "description": "Huit millions",
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "edit_window_seconds": 3600,
    }
    return Process.create(id=PROCESS_ID, now=now, **(given | changes))


def happened(process: Process) -> list[str]:
    return [type(event).__name__ for event in process.collect_events()]


def test_a_process_starts_planned_before_its_opening_date():
    process = create()
    assert happened(process) == ["Created"]
    assert process.phase is Phase.PLANNED


@pytest.mark.parametrize(
    ("now", "events"),
    [
        (OPENS, ["Created", "IdeaPhaseOpened"]),
        (CLOSES, ["Created", "IdeaPhaseOpened", "IdeaPhaseClosed"]),
    ],
)
def test_a_process_created_late_goes_through_its_due_transitions(now, events):
    assert happened(create(now)) == events


def test_the_phase_opens_and_closes_once_each_at_its_dates():
    process = create()
    process.collect_events()
    steps = []
    for now in (BEFORE, OPENS, OPENS, DURING, CLOSES, CLOSES, AFTER):
        process.advance(now=now)
        steps.append(happened(process))
    assert steps == [[], ["IdeaPhaseOpened"], [], [], ["IdeaPhaseClosed"], [], []]


def test_proposals_are_taken_from_the_opening_until_just_before_the_closing():
    process = create(OPENS)
    process.require_open(now=OPENS)
    process.require_open(now=CLOSES - timedelta(milliseconds=1))
    with pytest.raises(FailedPrecondition) as refusal:
        process.require_open(now=CLOSES)
    assert refusal.value.code == "idea_phase_not_open"


def test_a_date_alone_opens_nothing():
    with pytest.raises(FailedPrecondition, match="idea_phase_not_open"):
        create(BEFORE).require_open(now=DURING)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": ""}, "text_required", "title"),
        ({"title": " \u00a0"}, "text_required", "title"),
        ({"title": "x" * 151}, "text_too_long", "title"),
        ({"title": "two\nlines"}, "text_unprintable", "title"),
        ({"title": "evil\u202etxt"}, "text_unprintable", "title"),
        ({"description": "x" * 20_001}, "text_too_long", "description"),
        ({"description": "nul\0"}, "text_unprintable", "description"),
        ({"edit_window_seconds": -1}, "edit_window_out_of_range", "edit_window_seconds"),
        ({"edit_window_seconds": 604_801}, "edit_window_out_of_range", "edit_window_seconds"),
        ({"closes_at": OPENS}, "dates_out_of_order", "closes_at"),
        ({"opens_at": datetime(1999, 1, 1, tzinfo=UTC)}, "instant_out_of_range", "opens_at"),
        ({"closes_at": datetime(2200, 1, 1, tzinfo=UTC)}, "instant_out_of_range", "closes_at"),
    ],
)
def test_a_malformed_process_is_refused_with_its_field(changes, code, field):
    with pytest.raises(Invalid) as refusal:
        create(**changes)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_the_largest_process_is_taken():
    process = create(title="é" * 150, description="a\n\tb" * 5_000, edit_window_seconds=604_800)
    assert happened(process) == ["Created"]


def test_dates_are_kept_in_whole_milliseconds():
    process = create(opens_at=OPENS + timedelta(microseconds=1_999))
    assert process.opens_at == OPENS + timedelta(milliseconds=1)


def reschedule(process: Process, now: datetime, **changes) -> list[str]:
    process.collect_events()
    given = {"opens_at": OPENS, "closes_at": CLOSES + timedelta(days=30), "reason": "Storm"}
    process.reschedule(now=now, **(given | changes))
    return happened(process)


def test_dates_move_with_a_reason():
    process = create()
    later = OPENS + timedelta(days=7)
    assert reschedule(process, BEFORE, opens_at=later) == ["IdeaPhaseRescheduled"]
    assert (process.opens_at, process.closes_at) == (later, CLOSES + timedelta(days=30))


def test_an_opening_moved_to_the_past_opens_at_once():
    assert reschedule(create(), BEFORE, opens_at=BEFORE) == [
        "IdeaPhaseRescheduled",
        "IdeaPhaseOpened",
    ]


def test_an_open_phase_keeps_its_opening_but_may_close_later():
    process = create(DURING)
    assert reschedule(process, DURING) == ["IdeaPhaseRescheduled"]
    with pytest.raises(FailedPrecondition, match="idea_phase_already_open"):
        reschedule(process, DURING, opens_at=DURING + timedelta(days=1))
    assert happened(process) == []


def test_a_phase_that_should_be_open_by_now_counts_as_open_when_dates_move():
    with pytest.raises(FailedPrecondition, match="idea_phase_already_open"):
        reschedule(create(), DURING, opens_at=DURING + timedelta(days=1))


def test_a_closed_phase_with_new_dates_opens_and_closes_again():
    process = create(AFTER)
    opens, closes = AFTER + timedelta(days=1), AFTER + timedelta(days=2)
    assert reschedule(process, AFTER, opens_at=opens, closes_at=closes) == ["IdeaPhaseRescheduled"]
    assert process.phase is Phase.CLOSED
    process.advance(now=opens)
    process.advance(now=closes)
    assert happened(process) == ["IdeaPhaseOpened", "IdeaPhaseClosed"]
    process.advance(now=opens)
    assert happened(process) == []


def test_who_read_the_clock_before_the_closing_does_not_open_the_phase_again():
    process = create(DURING)
    process.advance(now=CLOSES)
    process.collect_events()
    process.advance(now=DURING)
    assert happened(process) == []
    with pytest.raises(FailedPrecondition, match="idea_phase_not_open"):
        process.require_open(now=DURING)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"reason": ""}, "text_required", "reason"),
        ({"reason": "x" * 2_001}, "text_too_long", "reason"),
        ({"closes_at": OPENS - timedelta(days=9)}, "dates_out_of_order", "closes_at"),
        ({"opens_at": OPENS, "closes_at": DURING}, "closes_at_past", "closes_at"),
    ],
)
def test_malformed_new_dates_change_nothing(changes, code, field):
    process = create(DURING)
    with pytest.raises(DomainError) as refusal:
        reschedule(process, DURING, **changes)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert happened(process) == []
