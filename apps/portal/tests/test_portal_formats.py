"""Money, numbers, moments, pictures: how they look, at their edges."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_portal import formats, pictures
from cahier_portal.catalogue import speaking

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (800_000_000, "EUR", "€8,000,000"),
        (44_682_940, "EUR", "€446,829.40"),
        (5, "GBP", "£0.05"),
        (0, "USD", "$0"),
        (-1_250, "EUR", "-€12.50"),
        (120_000, "PLN", "PLN\u00a01,200"),
    ],
)
def test_money_is_written_as_people_read_it(cents: int, currency: str, text: str) -> None:
    assert formats.money(cents, currency) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 3, "33.3%"), (1, 2, "50%"), (0, 5, "0%"), (5, 0, "0%"), (999_999, 1_000_000, "99.9%"),
     (1, 2_000, "<\u00a00.1%")],
)  # fmt: skip
def test_shares_are_rounded_down(part: int, whole: int, text: str) -> None:
    assert formats.share(part, whole) == text


def test_labels_are_put_in_the_order_of_their_numbers() -> None:
    labels = ["10 - North", "2 - Centre", "Zone 3", "1 - Capitole", "zone 12", "Allées", ""]
    told = ["", "1 - Capitole", "2 - Centre", "10 - North", "Allées", "Zone 3", "zone 12"]
    assert sorted(labels, key=formats.counting_order) == told


def test_moments_are_told_in_the_citys_zone_with_the_exact_instant_beside() -> None:
    tag = formats.time_tag(NOON, PARIS)
    assert tag == ('<time datetime="2026-11-22T12:00:00.000Z">22 November 2026 at 13:00 CET</time>')
    assert ">22 November 2026<" in formats.time_tag(NOON, PARIS, with_time=False)


@pytest.mark.parametrize(
    ("at", "told", "day"),
    [
        # Midnight in Paris: whoever reads the date shall not come a day too late.
        ("2026-11-30T23:00Z", "30 November 2026 at 24:00 CET", "30 November 2026"),
        ("2026-11-30T22:59Z", "30 November 2026 at 23:59 CET", "30 November 2026"),
        ("2026-12-01T08:00Z", "1 December 2026 at 09:00 CET", "1 December 2026"),
        # The night in which summer time begins ends in winter time.
        ("2026-03-28T23:00Z", "28 March 2026 at 24:00 CET", "28 March 2026"),
    ],
)
def test_what_ends_at_midnight_ends_the_day_before(at: str, told: str, day: str) -> None:
    moment = datetime.fromisoformat(at)
    assert f">{told}<" in formats.deadline_tag(moment, PARIS)
    assert f">{day}<" in formats.deadline_tag(moment, PARIS, with_time=False)
    assert f'"{moment:%Y-%m-%dT%H:%M}:00.000Z"' in formats.deadline_tag(moment, PARIS)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        formats.day(NOON.replace(tzinfo=None), PARIS)


def test_local_inputs_round_trip_through_the_citys_zone() -> None:
    assert formats.local_input(NOON, PARIS) == "2026-11-22T13:00"
    assert formats.from_local_input("2026-11-22T13:00", PARIS) == NOON


@pytest.mark.parametrize("text", ["", "soon", "2026-11-22T13:00Z", "2026-13-01T00:00"])
def test_other_local_inputs_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        formats.from_local_input(text, PARIS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (1, "1 second"), (90, "90 seconds"), (3_600, "1 hour"),
     (604_800, "7 days"), (86_400, "1 day"), (2_700, "45 minutes")],
)  # fmt: skip
def test_durations_take_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (800_000_000, "EUR", "8\u202f000\u202f000\u00a0€"),
        (44_682_940, "EUR", "446\u202f829,40\u00a0€"),
        (-1_250, "EUR", "-12,50\u00a0€"),
        (120_000, "PLN", "1\u202f200\u00a0PLN"),
    ],
)
def test_french_money_never_breaks_before_its_symbol(cents: int, currency: str, text: str) -> None:
    with speaking("fr"):
        assert formats.money(cents, currency) == text


@given(st.integers(-(10**17), 10**17))
def test_no_cent_is_lost_however_large_the_amount(cents: int) -> None:
    text = formats.money(cents, "EUR")
    sign = -1 if text.startswith("-") else 1
    whole, _, rest = text.strip("-€").replace(",", "").partition(".")
    assert sign * (int(whole) * 100 + int(rest or 0)) == cents


def test_numbers_dates_and_spans_follow_the_reader() -> None:
    with speaking("fr"):
        assert formats.number(1_234_567) == "1\u202f234\u202f567"
        assert formats.share(1, 3) == "33,3\u00a0%"
        assert formats.day(NOON, PARIS) == "22 novembre 2026"
        assert formats.day(NOON.replace(month=5, day=1), PARIS) == "1er mai 2026"
        assert formats.day(NOON.replace(month=5, day=11), PARIS) == "11 mai 2026"
        assert formats.day_and_time(NOON, PARIS) == "22 novembre 2026 à 13:00 CET"
        assert formats.duration(86_400) == "1\u00a0jour"
        assert formats.duration(2_700) == "45 minutes"
    assert formats.number(1_234_567) == "1,234,567"


def test_texts_become_paragraphs_of_lines() -> None:
    assert formats.paragraphs("a\r\nb\r\n\r\n\r\nc\n") == [["a", "b"], ["c"]]
    assert formats.paragraphs("  ") == []


@given(st.integers(-10, 10**15), st.integers(-10, 10**15))
def test_bars_are_never_longer_than_their_frame(part: int, whole: int) -> None:
    assert 0 <= formats.per_mille(part, whole) <= 1000


def rects(svg: str) -> list[dict[str, str]]:
    return [dict(rect.attrib) for rect in ElementTree.fromstring(svg).iter("rect")]


def test_budget_bar_has_a_block_for_each_winner_in_its_place() -> None:
    parts = [pictures.Part("A & <B>", 50_000), pictures.Part("C", 25_000)]
    svg = pictures.budget_bar(parts, 100_000, "two of <many>")
    rest, first, second = rects(svg)
    assert (rest["x"], rest["width"]) == ("0", "1000")
    assert (first["x"], first["width"]) == ("0", str(500 - pictures.GAP))
    assert (second["x"], second["width"]) == ("500", str(250 - pictures.GAP))
    assert first["class"] != second["class"]
    assert "A &amp; &lt;B&gt;" in svg
    assert 'role="img" aria-label="two of &lt;many&gt;"' in svg


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(1, 10**13))
def test_budget_bar_stays_within_its_frame(costs: list[int], envelope: int) -> None:
    svg = pictures.budget_bar([pictures.Part("x", cost) for cost in costs], envelope, "x")
    assert all(int(rect["x"]) + int(rect["width"]) <= 1000 for rect in rects(svg))


def test_votes_bar_is_decoration_beside_the_number() -> None:
    svg = pictures.votes_bar(1, 4, won=True)
    assert 'aria-hidden="true"' in svg
    assert [rect["width"] for rect in rects(svg)] == ["1000", "250"]
    assert len(rects(pictures.votes_bar(0, 4, won=False))) == 1
    assert len(rects(pictures.votes_bar(0, 0, won=False))) == 1


def test_pictures_carry_no_style_or_script() -> None:
    svg = pictures.budget_bar([pictures.Part("x", 1)], 2, "x") + pictures.votes_bar(1, 2, won=True)
    assert "style=" not in svg
    assert "<script" not in svg
