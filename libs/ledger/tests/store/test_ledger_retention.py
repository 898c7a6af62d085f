"""Answers kept for repeated commands are forgotten after some days, and no earlier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cahier_ledger import retention
from cahier_ledger.bus.database import SqliteDatabase
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.reactions import Delivery
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.retention import KeptAnswers

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def ledger(place):
    opened = place.open_ledger()
    yield opened
    await opened.close()


@pytest.fixture
def answers(place, ledger):
    if place.dsn is None:
        database = SqliteDatabase(place.folder / "ledger.db", durable=True)
    else:
        database = PostgresDatabase(place.dsn, place.schema, durable=True)
    found = KeptAnswers(database)
    yield found
    found.close()


async def test_an_answer_is_kept_for_the_days_asked_for_and_then_forgotten(ledger, answers, append):
    await ledger.append(append("a", key="early"))
    assert answers.tidy(NOW) == 0
    await ledger.append(append("b", key="late"))
    assert answers.tidy(NOW + 3 * DAY) == 0
    assert answers.tidy(NOW + 7 * DAY - timedelta(seconds=1)) == 0
    assert ledger.recall("early") is not None
    assert answers.tidy(NOW + 7 * DAY) == 1
    assert ledger.recall("early") is None
    assert ledger.recall("late") is not None
    assert answers.tidy(NOW + 10 * DAY) == 1
    assert ledger.recall("late") is None
    assert ledger.head_seq() == 2, "events stay"


async def test_a_key_that_is_used_anew_after_that_is_kept_anew(ledger, answers, append):
    await ledger.append(append("a", key="k"))
    answers.tidy(NOW)
    answers.tidy(NOW + 8 * DAY)
    await ledger.append(append("b", key="k"))
    assert answers.tidy(NOW + 9 * DAY) == 0
    assert answers.tidy(NOW + 15 * DAY) == 0
    assert ledger.recall("k") is not None
    assert answers.tidy(NOW + 16 * DAY) == 1


async def test_many_answers_are_noted_and_forgotten_in_batches(
    ledger, answers, append, monkeypatch
):
    monkeypatch.setattr(retention, "PAGE_KEYS", 7)
    monkeypatch.setattr(retention, "BATCH_KEYS", 3)
    keys = [f"k{number:02}" for number in range(20)]
    await ledger.append_many([append(key, key=key) for key in keys])
    assert answers.tidy(NOW) == 0
    assert answers.tidy(NOW + 8 * DAY) == 20
    assert [key for key in keys if ledger.recall(key)] == []
    assert answers.tidy(NOW + 8 * DAY) == 0


async def test_appends_go_on_while_answers_are_tidied(ledger, answers, append):
    await ledger.append_many([append(f"s{n}", key=f"k{n}") for n in range(50)])
    answers.tidy(NOW)
    await ledger.append(append("more", key="more"))
    assert answers.tidy(NOW + 8 * DAY) == 50
    await ledger.append(append("after"))
    assert ledger.recall("more") is not None


async def test_what_a_reaction_has_done_is_never_forgotten(ledger, answers, append):
    key = Delivery(PublicMessage(1, "leaf-1", "t", b""), 1, "policy", None).key
    await ledger.append(append("a", key=key))
    answers.tidy(NOW)
    assert answers.tidy(NOW + 1_000 * DAY) == 0
    assert ledger.recall(key) is not None
