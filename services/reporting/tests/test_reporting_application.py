"""Commands, queries and promises against a real ledger: what is stored, told and shown."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, Invalid, NotFound, Unauthenticated
from cahier_ledger.model import Idempotency
from cahier_record.places import Position
from cahier_reporting.application import queries
from cahier_reporting.application.commands import NewReport
from cahier_reporting.application.ports import CategoryRow, ReportFilter
from cahier_reporting.application.projections import VIEW, fold
from cahier_reporting.domain.places import distance_m
from cahier_reporting.domain.states import State

HERE = Position(488_566_000, 23_522_000)
ALL = ReportFilter()


def unkept(receipt):
    return None


def north(metres: int, of: Position = HERE) -> Position:
    return Position(of.lat_e7 + round(metres / 0.0111195), of.lon_e7)


async def refusal_of(desk, command) -> DomainError:
    """The refusal of a command that must have stored nothing."""
    before = desk.ledger.head_seq()
    with pytest.raises(DomainError) as refusal:
        await command
    assert desk.ledger.head_seq() == before
    return refusal.value


def shown(desk, report: UUID, person: str = ""):
    return desk.queries.report(report, person)[0].row


# -- what is told ---------------------------------------------------------------------------------


async def test_what_happens_is_told_in_public_without_texts_places_or_persons(desk):
    report = await desk.report("ann-the-person", address="9 Elm Street", description="Sinkhole")
    await desk.commands.route_report(desk.staff, report, "power", "Misdirected", unkept)
    await desk.answer(report, State.PLANNED, "Springtime")
    await desk.close(report, State.UNABLE_TO_FIX, "Penniless")
    assert desk.told() == [
        "category_defined",
        "report_received",
        "report_routed",
        "report_answered",
        "report_closed",
    ]
    raw = b"".join(row.leaf for row in desk.ledger.read_public(0, 100)).decode()
    hidden = ("ann-the-person", "staff-1", "Elm", "Sinkhole", "Misdirected", "Springtime")
    for text in (*hidden, "Penniless", "488566000", "23522000", "A light is out"):
        assert text not in raw
    received = desk.public()[1].event
    assert (received.lat_e2, received.lon_e2) == (4885, 235)
    assert (received.category, received.department) == ("light", "traffic")
    assert (received.state, received.answer_by) == ("unconfirmed", "2026-03-05T08:00:00.000Z")


async def test_every_text_is_disclosed_under_its_event(desk):
    original = await desk.report(position=None, address="9 Elm Street", description="Hole")
    report = await desk.report(description="Sinkhole")
    await desk.commands.route_report(desk.staff, report, "power", "Misdirected", unkept)
    await desk.answer(report, State.PLANNED)
    await desk.close(report, State.DUPLICATE, "Seen", original)
    texts = [
        {item.name: item.value for item in desk.queries.disclosures(leaf.id)}
        for leaf in desk.public()
    ]
    assert texts == [
        {"label": "A light is out"},
        {"description": "Hole", "address": "9 Elm Street"},
        {"description": "Sinkhole", "position": "488566000,23522000"},
        {"reason": "Misdirected"},
        {"text": ""},
        {"text": "Seen"},
    ]
    assert desk.public()[-1].event.duplicate_of == str(original)
    with pytest.raises(NotFound, match="event_not_found"):
        desk.queries.disclosures(str(uuid4()))


async def test_a_person_has_another_name_on_each_report_and_nobody_has_none(desk):
    await desk.category(anonymous=True)
    for person in ("ann", "ann", ""):
        await desk.report(person)
    names = [leaf.event.reporter for leaf in desk.public()[1:]]
    assert [len(name) for name in names] == [43, 43, 0]
    assert names[0] != names[1]


async def test_receipts_name_the_public_events_also_behind_a_missed_promise(desk):
    category = await desk.category()
    report = await desk.report()
    desk.clock.set(desk.clock.now() + timedelta(days=5))
    done = await desk.commands.close_report(desk.staff, report, State.FIXED, "", None, unkept)
    assert desk.told()[-2:] == ["promise_missed", "report_closed"]
    assert [category, done.event_id] == [desk.public()[0].id, desk.public()[-1].id]


# -- who may --------------------------------------------------------------------------------------


async def test_only_staff_defines_routes_answers_and_closes(desk):
    report = await desk.report()
    commands, ann = desk.commands, desk.claims("ann", "resident")
    for command in (
        commands.route_report(ann, report, "power", "r", unkept),
        commands.answer_report(ann, report, State.PLANNED, "", unkept),
        commands.close_report(ann, report, State.FIXED, "", None, unkept),
    ):
        assert (await refusal_of(desk, command)).code == "role_required"


async def test_an_importer_reports_for_others_or_for_somebody_unknown(desk):
    await desk.category()
    importer = desk.claims("tool", "importer")

    async def imported(on_behalf_of: str, claims=importer) -> str:
        new = NewReport("light", HERE, "", "Dark", on_behalf_of)
        return (await desk.commands.report_problem(claims, new, unkept)).id

    named = UUID(await imported("bea"))
    assert desk.queries.report(named, "bea")[0].is_own
    assert (await refusal_of(desk, imported(""))).code == "sign_in_required"
    resident = desk.claims("ann", "resident")
    other = await refusal_of(desk, imported("bea", resident))
    assert (other.code, other.field) == ("role_required", "on_behalf_of")
    assert (await refusal_of(desk, imported("", desk.claims("p")))).code == "role_required"
    assert (await refusal_of(desk, imported("bea", None))).code == "token_missing"
    await desk.category(anonymous=True)
    unknown = UUID(await imported(""))
    assert not desk.queries.report(unknown, "tool")[0].is_own


async def test_own_reports_are_those_of_the_one_who_asks(desk):
    await desk.category(anonymous=True)
    first, second = await desk.report("ann"), await desk.report("ann")
    for person in ("ben", ""):
        await desk.report(person)
    own = desk.queries.reports(ReportFilter(person="ann"), 0, "", "ann")
    assert [(seen.row.id, seen.is_own) for seen in own.reports] == [
        (str(second), True),
        (str(first), True),
    ]
    assert own.total == 2
    with pytest.raises(Unauthenticated):
        queries.own_reports_of("")


# -- refusals and repetitions ---------------------------------------------------------------------


async def test_what_does_not_exist_is_named(desk):
    report, nothing = await desk.report(), uuid4()
    commands = desk.commands
    codes = [
        (await refusal_of(desk, command)).code
        for command in (
            desk.report(category="nothing"),
            commands.route_report(desk.staff, nothing, "power", "r", unkept),
            desk.answer(nothing, State.PLANNED),
            desk.close(nothing, State.FIXED),
            desk.close(report, State.DUPLICATE, "t", nothing),
        )
    ]
    assert codes == ["category_not_found", *["report_not_found"] * 3, "duplicate_of_not_found"]
    with pytest.raises(NotFound, match="report_not_found"):
        desk.queries.report(nothing, "")


async def test_defining_a_category_again_with_its_values_answers_the_same(desk):
    first, again = await desk.category(), await desk.category()
    other = await desk.category(promise_days=9)
    assert first == again != other
    assert desk.told() == ["category_defined"] * 2


async def test_a_category_defined_at_once_by_many_is_defined_once(desk):
    done = await asyncio.gather(*(desk.category() for _ in range(5)))
    assert len(set(done)) == 1
    assert desk.told() == ["category_defined"]


async def test_a_repeated_definition_under_a_key_is_kept_even_when_it_changes_nothing(desk):
    await desk.category()
    kept = []

    def keep(receipt):
        kept.append(Idempotency("key", b"d" * 32, receipt.event_id.encode()))
        return kept[-1]

    (row,) = desk.queries.categories()
    done = await desk.commands.define_category(desk.staff, row, keep)
    found = desk.ledger.recall("key")
    assert found is not None
    assert found.response.decode() == done.event_id == desk.public()[0].id


async def test_new_values_of_a_category_are_those_of_reports_to_come(desk):
    before = await desk.report()
    await desk.category(label="Lamp", department="power", promise_days=0)
    after = await desk.report()
    assert (shown(desk, before).department, shown(desk, after).department) == ("traffic", "power")
    assert (shown(desk, before).answer_by != "", shown(desk, after).answer_by) == (True, "")
    assert shown(desk, before).category_label == "Lamp"


async def test_nobody_reports_under_a_category_that_asks_for_a_name_meanwhile(desk):
    await desk.category(anonymous=True)
    reports = [desk.report("") for _ in range(20)]
    closing = desk.category(anonymous=False)
    await asyncio.gather(*reports[:10], closing, *reports[10:], return_exceptions=True)
    told = desk.told()
    assert "report_received" not in told[told.index("category_defined", 1) :]


async def test_two_who_close_the_same_report_at_once_close_it_once(desk):
    report = await desk.report()
    done = await asyncio.gather(
        *(desk.close(report, State.FIXED, "Done") for _ in range(5)), return_exceptions=True
    )
    assert sum(each is None for each in done) == 1
    assert {each.code for each in done if each is not None} == {"already_closed"}


async def test_two_reports_never_become_duplicates_of_each_other(desk):
    one, two = await desk.report(), await desk.report()
    await asyncio.gather(
        desk.close(one, State.DUPLICATE, "t", two),
        desk.close(two, State.DUPLICATE, "t", one),
        return_exceptions=True,
    )
    assert sorted((shown(desk, one).state, shown(desk, two).state)) == ["duplicate", "unconfirmed"]


# -- promises -------------------------------------------------------------------------------------


async def test_promises_that_pass_unanswered_are_told_once_however_often_they_are_looked_at(desk):
    missed, answered = await desk.report(), await desk.report()
    await desk.category("slow", promise_days=30)
    await desk.category("free", promise_days=0)
    for code in ("slow", "free"):
        await desk.report(category=code)
    await desk.answer(answered, State.CONFIRMED)
    due = desk.clock.now() + timedelta(days=4)
    for now in (due - timedelta(seconds=1), due, due, due + timedelta(days=1)):
        await desk.promises.run_due(now)
        await desk.read_model.settle(desk.ledger.head_seq())
        assert desk.read_model.due_promises(to_rfc3339(now), 10) == []
    assert desk.told().count("promise_missed") == 1
    assert desk.public()[-1].event.report == str(missed)
    assert (shown(desk, missed).promise_missed, shown(desk, answered).promise_missed) == (
        True,
        False,
    )


# -- what is shown --------------------------------------------------------------------------------


async def test_a_report_shows_all_that_happened_to_it(desk):
    original = await desk.report()
    report = await desk.report(address="9 Elm Street", description="Sinkhole")
    await desk.commands.route_report(desk.staff, report, "power", "Theirs", unkept)
    desk.clock.set(desk.clock.now() + timedelta(days=5))
    await desk.answer(report, State.PLANNED, "In May")
    await desk.close(report, State.DUPLICATE, "Seen", original)
    seen, updates = desk.queries.report(report, "ann")
    row = seen.row
    assert (row.address, row.description, row.position) == ("9 Elm Street", "Sinkhole", HERE)
    assert (row.department, row.state, row.is_closed) == ("power", "duplicate", True)
    assert (row.answer, row.duplicate_of) == ("Seen", str(original))
    assert (row.answered_at, row.promise_missed) == ("2026-03-06T08:00:00.000Z", True)
    assert seen.is_own
    assert [(each.kind, each.state, each.department, each.text) for each in updates] == [
        ("routed", "unconfirmed", "power", "Theirs"),
        ("promise_missed", "unconfirmed", "power", ""),
        ("answered", "planned", "power", "In May"),
        ("closed", "duplicate", "power", "Seen"),
    ]
    await desk.answer(report, State.CONFIRMED, "Not the same")
    again = shown(desk, report)
    assert (again.state, again.is_closed, again.duplicate_of) == ("confirmed", False, "")


async def test_lists_choose_by_state_category_and_department(desk):
    await desk.category("bin", department="refuse")
    lights = [await desk.report(category=await ready(desk)) for _ in range(3)]
    full = await desk.report(category="bin")
    await desk.answer(lights[0], State.PLANNED)
    await desk.commands.route_report(desk.staff, lights[1], "refuse", "r", unkept)

    def found(**which: str) -> list[str]:
        page = desk.queries.reports(ReportFilter(**which), 0, "", "")
        assert page.total == len(page.reports)
        return [seen.row.id for seen in page.reports]

    ids = [str(each) for each in (*lights, full)]
    assert found() == ids[::-1]
    assert found(state="planned") == ids[:1]
    assert found(category="light") == ids[2::-1]
    assert found(department="refuse") == [ids[3], ids[1]]
    assert found(category="light", department="refuse", state="unconfirmed") == [ids[1]]
    assert found(state="fixed") == []


async def ready(desk) -> str:
    """The category of lights, defined."""
    await desk.category()
    return "light"


async def test_pages_follow_one_another_without_repeating_or_losing_a_report(desk):
    ids = [str(await desk.report()) for _ in range(7)]
    seen, token = [], ""
    for _ in range(4):
        page = desk.queries.reports(ALL, 2, token, "")
        seen += [each.row.id for each in page.reports]
        token = page.next_page_token
        await desk.report()
    assert (seen, token) == (ids[::-1], "")
    for size, given, code in (
        (201, "", "page_size_out_of_range"),
        (-1, "", "page_size_out_of_range"),
        (0, "rubbish", "page_token_malformed"),
    ):
        with pytest.raises(Invalid, match=code):
            desk.queries.reports(ALL, size, given, "")


async def test_lists_cut_descriptions_and_leave_answers_out(desk):
    report = await desk.report(description="d" * 4_000)
    await desk.answer(report, State.PLANNED, "In May")
    (seen,) = desk.queries.reports(ALL, 0, "", "").reports
    assert (len(seen.row.description), seen.row.answer) == (500, "")


async def test_categories_come_by_label(desk):
    for code, label in (("a", "Trees"), ("b", "Bins"), ("c", "Bins")):
        await desk.category(code, label=label)
    assert [row.code for row in desk.queries.categories()] == ["b", "c", "a"]
    values = {"label": "Arbres", "department": "parks", "promise_days": 9, "anonymous": True}
    await desk.category("a", **values)
    assert desk.queries.categories()[0] == CategoryRow("a", **values)


# -- nearby ---------------------------------------------------------------------------------------


async def around(desk, radius_m: int = 0, limit: int = 0, category: str = "", middle=HERE):
    """(id, metres) of the open reports around a point."""
    near = desk.queries.nearby(middle, radius_m, limit, category, "")
    return [(UUID(seen.row.id), metres) for seen, metres in near]


async def test_the_nearest_open_reports_come_first_with_their_distances(desk):
    far, near, outside = [await desk.report(position=north(metres)) for metres in (-400, 100, 501)]
    closed = await desk.report(position=HERE)
    await desk.close(closed, State.FIXED)
    await desk.report(position=None, address="Somewhere")
    assert await around(desk) == [(near, 100), (far, 400)]
    assert await around(desk, radius_m=502) == [(near, 100), (far, 400), (outside, 501)]
    assert await around(desk, limit=1) == [(near, 100)]
    assert await around(desk, radius_m=99) == []
    await desk.answer(closed, State.CONFIRMED, "Again")
    assert (await around(desk))[0] == (closed, 0)


async def test_nearby_chooses_by_category(desk):
    await desk.report()
    await desk.category("bin")
    full = await desk.report(category="bin", position=north(50))
    assert await around(desk, category="bin") == [(full, 50)]
    assert await around(desk, category="nothing") == []


@pytest.mark.parametrize(
    "middle",
    [
        Position(0, 1_799_999_999),
        Position(0, -1_800_000_000),
        Position(690_000_000, 190_000_000),
        Position(-545_000_000, -683_000_000),
    ],
)
async def test_nearby_is_right_at_the_date_line_and_far_from_the_equator(desk, middle):
    wide = round(400 / 0.0111195 / max(0.3, abs(_cos(middle))))
    lon = middle.lon_e7 + wide
    east = Position(middle.lat_e7, lon if lon <= 1_800_000_000 else lon - 3_600_000_000)
    placed = {
        await desk.report(position=place): place
        for place in (east, north(300, middle), north(900, middle))
    }
    found = await around(desk, radius_m=700, middle=middle)
    inside = sorted(
        (round(distance_m(middle, place)), report)
        for report, place in placed.items()
        if distance_m(middle, place) <= 700
    )
    assert len(inside) == 2
    assert found == [(report, metres) for metres, report in inside]


def _cos(middle: Position) -> float:
    return math.cos(math.radians(middle.lat_e7 / 1e7))


async def test_nearby_is_bounded(desk):
    for radius_m, limit, code in (
        (5_001, 0, "radius_out_of_range"),
        (-1, 0, "radius_out_of_range"),
        (0, 101, "limit_out_of_range"),
        (0, -1, "limit_out_of_range"),
    ):
        with pytest.raises(Invalid, match=code):
            await around(desk, radius_m, limit)
    with pytest.raises(Invalid, match="position_out_of_range"):
        await around(desk, middle=Position(900_000_001, 0))


# -- the view -------------------------------------------------------------------------------------


async def test_a_forgotten_view_is_folded_again_to_the_same(desk):
    original, report = await desk.report(), await desk.report()
    await desk.answer(report, State.PLANNED, "In May")
    await desk.close(report, State.DUPLICATE, "Seen", original)
    before = [desk.queries.report(each, "ann") for each in (original, report)]
    desk.views.forget(VIEW)
    desk.views.declare(VIEW)
    assert desk.read_model.report(str(report)) is None
    again = type(desk.projection)(desk.ledger, desk.views, VIEW, fold)
    task = asyncio.create_task(again.run())
    assert await again.wait_for(desk.ledger.head_seq(), 30)
    task.cancel()
    assert [desk.queries.report(each, "ann") for each in (original, report)] == before
