"""Every public event has words in every language; long histories fit a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cahier_kernel.texts import ERASED
from cahier_ledger.leaves import make_leaf
from cahier_portal import formats, pictures, standing
from cahier_portal.catalogue import LANGUAGES, speaking
from cahier_portal.disclosed import Texts
from cahier_portal.pages.history import GROUP_FROM, Told, grouped, sampled
from cahier_portal.places import position_of
from cahier_portal.publiclog import Entry, Recorded
from cahier_portal.retelling import Setting, sentence
from cahier_record.events import registered

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
# The modules that read leaves are imported with the pages that fold them.
assert standing

DATA: dict[str, Any] = {
    "state": "accepted",
    "envelope_cents": 50_000_000,
    "currency": "EUR",
    "number": 3,
    "project": "p3",
    "cost_cents": 1_250,
    "feasibility": "feasible",
    "result": {"ballots_counted": 2, "selected": [1], "spent_cents": 100},
    "department": "Lighting",
    "role": "staff",
    "rows": 5,
    "mails": 1,
    "epoch": 2,
    "phase": "costing",
    "analysis": "three",
    "estimate_cents": 1_300,
    "running_cents": 50,
    "kind": "merge",
    "consent": "agreed",
}


def entry(event_type: str, **data: Any) -> Entry:
    given = {**DATA, **data}
    if ".report." in event_type and "state" not in data:
        given["state"] = "fixed" if event_type.endswith("closed") else "planned"
    leaf = make_leaf(event_type.partition(".")[0], event_type, "e1", NOON, given)
    return Entry(Recorded(index=0, leaf=msgspec.Raw(leaf.leaf)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event_type", [name for name, _ in registered()])
def test_every_public_event_has_a_sentence(event_type: str, language: str) -> None:
    with speaking(language):
        for setting in (Setting(), Setting("EUR", {"p3": 3})):
            said = sentence(entry(event_type), setting)
            assert said.endswith((".", "…"))
            assert event_type not in said


def test_an_event_of_a_later_version_is_told_by_its_type() -> None:
    said = sentence(entry("budget.v1.election.moon_landed"))
    assert said.endswith("(budget.v1.election.moon_landed).")


def test_a_count_is_told_with_its_figures() -> None:
    said = sentence(entry("budget.v1.election.ballots_counted"), Setting("EUR"))
    assert said == "The city counted 2 ballots. One project won. They cost €1."


def told(kind: str) -> Told:
    return Told(entry(f"consultation.v1.support.{kind}"), kind)


def test_a_long_run_of_supports_is_told_as_one() -> None:
    voices = [told("proposal_supported")] * (GROUP_FROM - 1) + [told("support_withdrawn")]
    groups = grouped([told("proposal_submitted"), *voices, told("comment_added"), voices[0]])
    assert [len(group.told) for group in groups] == [1, GROUP_FROM, 1, 1]
    assert [group.is_run for group in groups] == [False, True, False, False]


def test_moments_are_thinned_out_evenly_and_keep_their_ends() -> None:
    moments = [str(number) for number in range(1_000)]
    thin = sampled(moments, 200)
    assert (len(thin), thin[0], thin[-1]) == (200, "0", "999")
    assert len(set(thin)) == 200
    assert sampled(moments[:200], 200) == moments[:200]
    assert sampled(moments[:1], 200) == ["0"]


def test_a_text_that_is_gone_reads_as_erased_and_one_that_never_was_as_nothing() -> None:
    assert Texts({"title": "Trees"}, 1).get("title") == "Trees"
    assert Texts({"title": "Trees"}, 1).get("source") == ""
    assert Texts({}, 1).get("title") == ERASED
    assert Texts({}, 0).get("title") == ""


def test_a_position_that_was_erased_is_none() -> None:
    found = position_of("451000000,-51000000")
    assert found is not None
    assert (found.lat_e7, found.lon_e7) == (451_000_000, -51_000_000)
    assert position_of("") is position_of("[erased]") is None


@pytest.mark.parametrize("count", [2, 3, 300])
def test_a_logs_growth_is_one_sound_picture(count: int) -> None:
    points = [(NOON + timedelta(hours=step), step + 1) for step in range(count)]
    drawn = ElementTree.fromstring(pictures.growth_line(points, "from 1 to <3>"))
    assert drawn.attrib["aria-label"] == "from 1 to <3>"
    assert len(list(drawn)) == 2
    edge = drawn[1].attrib["d"]
    assert edge.startswith("M0 ")
    assert edge.endswith(f"L{pictures.WIDTH} 12")
    heights = [int(place.split()[1]) for place in edge[1:].split("L")]
    assert heights == sorted(heights, reverse=True)
    assert len(heights) == count


def test_the_ends_of_an_axis_of_time_tell_days_or_times() -> None:
    later = NOON + timedelta(hours=2)
    assert formats.ends([NOON, NOON], PARIS) == ["22 November 2026 at 13:00 CET"]
    assert formats.ends([NOON, later], PARIS) == ["22 November 2026, 13:00", "15:00"]
    days = formats.ends([NOON, NOON + timedelta(days=9)], PARIS)
    assert days == ["22 November 2026", "1 December 2026"]
    with speaking("fr"):
        assert formats.exact(NOON, PARIS) == "22 novembre 2026 à 13:00:00 CET"
