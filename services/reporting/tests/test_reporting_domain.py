"""Categories, reports and places: what is decided, given what happened before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cahier_kernel.errors import DomainError, Kind
from cahier_record.places import Position
from cahier_reporting.domain.category import Category, category_id
from cahier_reporting.domain.places import distance_m
from cahier_reporting.domain.report import Report
from cahier_reporting.domain.states import State

NOW = datetime(2026, 3, 1, 8, 0, 0, 123_456, tzinfo=UTC)
HERE = Position(488_566_000, 23_522_000)
ANSWERS = [state for state in State if state.is_answer]
OUTCOMES = [state for state in State if state.is_outcome]


def category(**changes) -> Category:
    given = {
        "code": "light",
        "label": "A light is out",
        "department": "traffic",
        "promise_days": 4,
        "anonymous": False,
        "now": NOW,
    }
    return Category.define(**(given | changes))


def received(kind: Category | None = None, number: int = 1, **changes) -> Report:
    given = {
        "id": UUID(int=number),
        "category": kind or category(),
        "reporter": "ann",
        "pseudonym": "p",
        "position": HERE,
        "address": "",
        "description": "Dark",
        "now": NOW,
    }
    return Report.receive(**(given | changes))


def words(report: Report) -> list[str]:
    """What was decided since the last look."""
    return [type(event).__name__ for event in report.collect_events()]


def refusal(call, **arguments) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call(**arguments)
    return caught.value


# -- categories ----------------------------------------------------------------------------------


def test_a_code_makes_the_category():
    assert category(code="a").id == category_id("a") == category(code="a", label="b").id
    assert category(code="a").id != category(code="A").id


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": ""}, "text_required", "category.code"),
        ({"code": "a" * 61}, "text_too_long", "category.code"),
        ({"code": " a"}, "code_padded", "category.code"),
        ({"code": "a\n"}, "text_unprintable", "category.code"),
        ({"label": " "}, "text_required", "category.label"),
        ({"label": "l" * 151}, "text_too_long", "category.label"),
        ({"department": ""}, "text_required", "category.department"),
        ({"department": "d\u00a0"}, "code_padded", "category.department"),
        ({"department": "d" * 81}, "text_too_long", "category.department"),
        ({"promise_days": -1}, "promise_out_of_range", "category.promise_days"),
        ({"promise_days": 366}, "promise_out_of_range", "category.promise_days"),
    ],
)
def test_a_category_that_breaks_a_rule_is_refused(changes, code, field):
    error = refusal(category, **changes)
    assert (error.code, error.field, error.kind) == (code, field, Kind.INVALID)


def test_codes_of_other_cities_are_taken_as_they_are():
    for code in ("Light(s) Out", "Graffiti/Éxt", "Señal", "TRAFFIC DIVISION, 511"):
        assert category(code=code).code == code


def test_the_values_a_category_has_change_nothing_and_others_are_an_event():
    kind = category()
    kind.collect_events()
    values = {"label": "A light is out", "department": "traffic", "promise_days": 4}
    kind.redefine(**values, anonymous=False, now=NOW)
    assert kind.collect_events() == []
    for changed in ({"label": "L"}, {"department": "d"}, {"promise_days": 0}, {"anonymous": True}):
        kind.redefine(**(values | {"anonymous": False} | changed), now=NOW)
        assert len(kind.collect_events()) == 1
        kind.redefine(**values, anonymous=False, now=NOW)
        kind.collect_events()
    assert refusal(kind.redefine, **values | {"label": ""}, anonymous=True, now=NOW).code == (
        "text_required"
    )


# -- receiving -----------------------------------------------------------------------------------


def test_a_report_begins_unconfirmed_with_its_categorys_department_and_promise():
    report = received()
    (event,) = report.collect_events()
    assert (event.category, event.department) == ("light", "traffic")
    assert event.answer_by == datetime(2026, 3, 5, 8, 0, 0, 123_000, tzinfo=UTC)
    assert (report.state, report.is_closed) == (State.UNCONFIRMED, False)


def test_a_category_without_a_promise_promises_nothing():
    report = received(category(promise_days=0))
    report.advance(now=NOW + timedelta(days=1_000))
    assert words(report) == ["Created"]
    assert report.answer_by is None


def test_nobody_may_report_where_the_category_allows_it_only():
    assert received(category(anonymous=True), reporter="", pseudonym="").state
    error = refusal(received, reporter="", pseudonym="")
    assert (error.code, error.kind) == ("sign_in_required", Kind.UNAUTHENTICATED)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"description": " "}, "text_required", "description"),
        ({"description": "d" * 4_001}, "text_too_long", "description"),
        ({"description": "d\0"}, "text_unprintable", "description"),
        ({"position": None}, "place_required", "position"),
        ({"position": None, "address": " "}, "place_required", "position"),
        ({"address": "a" * 301}, "text_too_long", "address"),
        ({"address": "a\nb"}, "text_unprintable", "address"),
        ({"position": Position(900_000_001, 0)}, "position_out_of_range", "position"),
        ({"position": Position(0, -1_800_000_001)}, "position_out_of_range", "position"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(changes, code, field):
    error = refusal(received, **changes)
    assert (error.code, error.field, error.kind) == (code, field, Kind.INVALID)


def test_an_address_alone_is_a_place_and_so_is_a_point_at_the_end_of_the_map():
    (event,) = received(position=None, address="12 rue des Lilas").collect_events()
    assert event.position == ""
    assert received(position=Position(-900_000_000, 1_800_000_000)).collect_events()


# -- routing -------------------------------------------------------------------------------------


def test_a_report_is_handed_over_with_a_reason():
    report = received()
    report.route(department="power", reason="Not ours", now=NOW)
    assert report.department == "power"
    assert words(report) == ["Created", "Routed"]


@pytest.mark.parametrize(
    ("department", "reason", "code"),
    [
        ("traffic", "r", "already_routed"),
        ("", "r", "text_required"),
        ("power", "", "text_required"),
        ("power", "r" * 2_001, "text_too_long"),
        ("power ", "r", "code_padded"),
    ],
)
def test_a_route_that_breaks_a_rule_is_refused(department, reason, code):
    report = received()
    error = refusal(report.route, department=department, reason=reason, now=NOW)
    assert error.code == code


def test_a_closed_report_is_not_handed_over():
    report = received()
    report.close(outcome=State.FIXED, text="", duplicate_of=None, now=NOW)
    error = refusal(report.route, department="power", reason="r", now=NOW)
    assert (error.code, error.kind) == ("report_closed", Kind.FAILED_PRECONDITION)


# -- answering -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ANSWERS)
def test_an_answer_says_where_the_work_stands(state):
    report = received()
    report.give_answer(state=state, text="", now=NOW)
    assert (report.state, report.is_closed) == (state, False)


@pytest.mark.parametrize("state", [State.UNCONFIRMED, *OUTCOMES])
def test_an_outcome_is_no_answer(state):
    error = refusal(received().give_answer, state=state, text="t", now=NOW)
    assert (error.code, error.field) == ("answer_state_required", "state")


def test_the_same_answer_again_needs_something_new_to_say():
    report = received()
    report.give_answer(state=State.PLANNED, text="In May", now=NOW)
    for text in ("", "In May"):
        error = refusal(report.give_answer, state=State.PLANNED, text=text, now=NOW)
        assert error.code == "already_answered"
    report.give_answer(state=State.PLANNED, text="In June", now=NOW)
    assert report.answer == "In June"


def test_a_closed_report_is_opened_again_with_a_text():
    report = received()
    report.close(outcome=State.FIXED, text="", duplicate_of=None, now=NOW)
    error = refusal(report.give_answer, state=State.CONFIRMED, text="", now=NOW)
    assert (error.code, error.field) == ("text_required", "text")
    report.give_answer(state=State.CONFIRMED, text="Broken again", now=NOW)
    assert not report.is_closed


# -- closing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_closes_and_needs_its_reason_unless_it_is_fixed(outcome):
    report = received()
    if outcome is not State.FIXED:
        error = refusal(report.close, outcome=outcome, text="", duplicate_of=None, now=NOW)
        assert (error.code, error.field) == ("text_required", "text")
    text = "" if outcome is State.FIXED else "Because"
    report.close(outcome=outcome, text=text, duplicate_of=None, now=NOW)
    assert (report.state, report.is_closed) == (outcome, True)


@pytest.mark.parametrize("outcome", [State.UNCONFIRMED, *ANSWERS])
def test_an_answer_closes_nothing(outcome):
    error = refusal(received().close, outcome=outcome, text="t", duplicate_of=None, now=NOW)
    assert (error.code, error.field) == ("outcome_required", "outcome")


def test_an_outcome_is_corrected_with_a_text_and_not_repeated():
    report = received()
    report.close(outcome=State.UNABLE_TO_FIX, text="No money", duplicate_of=None, now=NOW)
    for text in ("", "No money"):
        error = refusal(
            report.close, outcome=State.UNABLE_TO_FIX, text=text, duplicate_of=None, now=NOW
        )
        assert error.code == "already_closed"
    error = refusal(report.close, outcome=State.FIXED, text="", duplicate_of=None, now=NOW)
    assert error.code == "text_required"
    report.close(outcome=State.FIXED, text="Found some", duplicate_of=None, now=NOW)
    assert report.state is State.FIXED


def test_a_duplicate_names_a_report_that_stands_and_is_another():
    report, original = received(number=1), received(number=2)
    close = report.close
    other = {"text": "Seen before", "now": NOW}
    itself = refusal(close, outcome=State.DUPLICATE, duplicate_of=received(number=1), **other)
    fixed = refusal(close, outcome=State.FIXED, duplicate_of=original, **other)
    assert (itself.code, fixed.code) == ("duplicate_of_itself", "duplicate_of_not_expected")
    close(outcome=State.DUPLICATE, duplicate_of=original, **other)
    assert report.duplicate_of == original.id
    third = received(number=3)
    circle = refusal(third.close, outcome=State.DUPLICATE, duplicate_of=report, **other)
    assert circle.code == "duplicate_of_duplicate"
    report.give_answer(state=State.CONFIRMED, text="Another one after all", now=NOW)
    assert report.duplicate_of is None


# -- promises ------------------------------------------------------------------------------------

DUE = datetime(2026, 3, 5, 8, 0, 0, 123_000, tzinfo=UTC)


def test_a_promise_is_missed_once_when_its_time_has_come():
    report = received()
    report.advance(now=DUE - timedelta(milliseconds=1))
    assert words(report) == ["Created"]
    report.advance(now=DUE)
    report.advance(now=DUE)
    assert words(report) == ["PromiseMissed"]


def test_a_late_answer_comes_after_the_missed_promise():
    answered, closed, routed = received(), received(), received()
    answered.give_answer(state=State.CONFIRMED, text="", now=DUE)
    closed.close(outcome=State.FIXED, text="", duplicate_of=None, now=DUE)
    routed.route(department="power", reason="r", now=DUE)
    assert words(answered) == ["Created", "PromiseMissed", "Answered"]
    assert words(closed) == ["Created", "PromiseMissed", "Closed"]
    assert words(routed) == ["Created", "PromiseMissed", "Routed"]


def test_an_answer_or_outcome_in_time_keeps_the_promise_and_a_new_department_does_not():
    answered, closed, routed = received(), received(), received()
    answered.give_answer(state=State.CONFIRMED, text="", now=NOW)
    closed.close(outcome=State.FIXED, text="", duplicate_of=None, now=NOW)
    routed.route(department="power", reason="r", now=NOW)
    for report in (answered, closed, routed):
        report.collect_events()
        report.advance(now=DUE)
    assert [words(report) for report in (answered, closed, routed)] == [[], [], ["PromiseMissed"]]


# -- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "cell"),
    [
        (Position(488_566_000, 23_522_000), (4885, 235)),
        (Position(386_434_730, -902_051_590), (3864, -9021)),
        (Position(0, 0), (0, 0)),
        (Position(-1, -1), (-1, -1)),
        (Position(100_000, 99_999), (1, 0)),
    ],
)
def test_a_point_lies_in_the_cell_to_its_south_west(point, cell):
    assert point.cell == cell


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        (HERE, HERE, 0),
        # From the equator to the pole: a quarter of the girth.
        (Position(0, 23_499_000), Position(900_000_000, 0), 10_007_557),
        # A degree on the equator; a degree of longitude at 60 degrees is half of it.
        (Position(0, 0), Position(0, 10_000_000), 111_195),
        (Position(600_000_000, 0), Position(600_000_000, 10_000_000), 55_597),
        # Across the date line, and over the pole.
        (Position(0, 1_799_995_000), Position(0, -1_799_995_000), 111),
        (Position(899_000_000, 0), Position(899_000_000, 1_800_000_000), 22_239),
        # The other end of the world: half of the sphere's girth.
        (Position(0, 0), Position(0, 1_800_000_000), 20_015_115),
    ],
)
def test_distances_are_those_of_the_sphere(here, there, metres):
    assert distance_m(here, there) == pytest.approx(metres, rel=2e-3, abs=0.5)
    assert distance_m(there, here) == pytest.approx(distance_m(here, there))
