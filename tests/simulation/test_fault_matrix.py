"""Every step of append, relay, projection and reaction, crossed with how it may fail.

Whatever step fails, before it has taken effect or after, and whether or not the process dies of
it: once it is tried again the state is that of a run without faults, row by row.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.simulation.burying import Burying
from tests.simulation.disk import Fault
from tests.simulation.parts import (
    Appending,
    OwnProjecting,
    PublicProjecting,
    Reacting,
    ReactingTogether,
    Relaying,
)
from tests.simulation.rig import Part, Steps, run_part
from tests.simulation.run import quiet_logs

PARTS: tuple[type[Part], ...] = (
    Appending,
    Relaying,
    OwnProjecting,
    PublicProjecting,
    Reacting,
    ReactingTogether,
    Burying,
)
FAULTS = (Fault.FAILED, Fault.FAILED_BUT_PERSISTED, Fault.DIED_BEFORE, Fault.DIED_AFTER)


@cache
def undisturbed(part: type[Part]) -> tuple[Any, tuple[str, ...]]:
    """The state in which the part ends without faults, and its steps."""
    steps = Steps()
    with quiet_logs():
        state = run_part(part, steps)
    return state, tuple(steps.names)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_whatever_step_fails_the_end_is_the_same(part: type[Part], fault: Fault) -> None:
    wanted, names = undisturbed(part)
    wrong = []
    for place, name in enumerate(names):
        with quiet_logs():
            try:
                state = run_part(part, Steps(place, fault))
            except Exception as error:
                wrong.append(f"step {place}, {name}: {type(error).__name__}: {error}")
                continue
        if state != wanted:
            wrong.append(f"step {place}, {name}: {state} is not {wanted}")
    assert wrong == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_takes_the_steps_that_the_matrix_is_about(part: type[Part]) -> None:
    _, names = undisturbed(part)
    for step in STEPS[part.name]:
        assert any(step in name for name in names), step


STEPS = {
    "append": (
        "events.db open",
        "events.db write: CREATE TABLE events",
        "events.db begin",
        "events.db read: SELECT (SELECT max(seq)",
        "events.db read: SELECT stream, max(version)",
        "events.db read: SELECT key FROM idempotency",
        "events.db read: SELECT id FROM public",
        "events.db write: INSERT INTO events",
        "events.db write: INSERT INTO public",
        "events.db write: INSERT INTO disclosures",
        "events.db write: INSERT INTO idempotency",
        "events.db write: DELETE FROM disclosures",
        "events.db write: UPDATE events",
        "events.db commit",
        "events.db pragma: PRAGMA wal_checkpoint",
    ),
    "relay": (
        "broker: CONNECT",
        "broker: SUB",
        "$JS.API.STREAM.CREATE",
        "$JS.API.STREAM.MSG.GET",
        "broker: cahier.simville.budget.v1",
        "events.db read: SELECT p.public_seq",
        "events.db read: SELECT max(public_seq)",
    ),
    "own projection": (
        "views.db open",
        "views.db write: CREATE TABLE things",
        "events.db read: SELECT seq, stream",
        "views.db begin",
        "views.db read: SELECT position",
        "views.db write: INSERT INTO things",
        "views.db write: UPDATE positions",
        "views.db commit",
    ),
    "public projection": (
        "broker: CONNECT",
        "broker: SUB",
        "$JS.API.STREAM.INFO",
        "$JS.API.STREAM.MSG.GET",
        "$JS.API.CONSUMER.DELETE",
        "$JS.API.CONSUMER.CREATE",
        "$JS.API.CONSUMER.MSG.NEXT",
        "views.db begin",
        "views.db write: INSERT INTO things",
        "views.db write: UPDATE positions",
        "views.db commit",
        "broker: $JS.ACK",
    ),
    "reaction": (
        "broker: CONNECT",
        "broker: SUB",
        "$JS.API.CONSUMER.INFO",
        "$JS.API.CONSUMER.CREATE",
        "$JS.API.CONSUMER.MSG.NEXT",
        "inbox.db open",
        "inbox.db read",
        "inbox.db begin",
        "inbox.db write: INSERT INTO inbox",
        "inbox.db write: INSERT INTO mails",
        "inbox.db commit",
        "events.db commit",
        "broker: $JS.ACK",
    ),
    "reaction to many": (
        "$JS.API.CONSUMER.MSG.NEXT",
        "inbox.db read",
        "events.db write: INSERT INTO events",
        "events.db write: INSERT INTO idempotency",
        "events.db commit",
        "inbox.db write: INSERT INTO inbox",
        "inbox.db commit",
        "broker: $JS.ACK",
    ),
    "dead letter": (
        "$JS.API.STREAM.MSG.GET.DEAD",
        "broker: cahier.simville.redrive.",
        "$JS.API.STREAM.MSG.GET.PUBLIC_BUDGET",
        "inbox.db write: INSERT INTO inbox",
        "$JS.API.STREAM.MSG.DELETE.DEAD",
    ),
}


class _Forgetful(Appending):
    """A writer that forgets one append."""

    name = "forgetful"

    def state(self) -> Any:
        found = super().state()
        found["public"].pop()
        return found


def test_a_state_that_lacks_one_leaf_is_another() -> None:
    with quiet_logs():
        assert run_part(_Forgetful, Steps()) != undisturbed(Appending)[0]


def test_what_is_erased_stands_in_no_file() -> None:
    assert undisturbed(Appending)[0]["erased"] == []


def test_the_matrix_is_not_empty() -> None:
    assert len(undisturbed(Appending)[1]) > 40
    assert len(undisturbed(Reacting)[1]) > 60
