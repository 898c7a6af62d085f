"""Has a unit forget, hour by hour, the answers that it keeps for repeated commands."""

from __future__ import annotations

import asyncio

from cahier_chassis.logs import get_logger
from cahier_chassis.roles import Role
from cahier_chassis.unit import Unit
from cahier_kernel.clock import SystemClock
from cahier_ledger.retention import KEPT_DAYS

FIRST_AFTER_S = 60.0
EVERY_S = 3_600.0
_LOG = get_logger(__name__)


def bound_kept_answers(unit: Unit) -> None:
    """In the role react, in one process at a time; by the machine's clock, which nobody sets.

    A round that fails, because the store is away or the role may delete nothing, is told in the
    log and tried again an hour later: nothing depends on it.
    """
    unit.spawn("kept answers", lambda: _run(unit), role=Role.REACT, stand_by=asyncio.Event().wait)


async def _run(unit: Unit) -> None:
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        try:
            forgotten = await asyncio.to_thread(tidy, unit)
        except Exception as error:
            _LOG.warning("kept_answers_not_tidied", error=type(error).__name__)
        else:
            _LOG.info("kept_answers_tidied", forgotten=forgotten, kept_days=KEPT_DAYS)
        await asyncio.sleep(EVERY_S)


def tidy(unit: Unit) -> int:
    """One round; blocking. Connections are opened for it and closed after it."""
    answers = unit.stores.open_kept_answers()
    try:
        return answers.tidy(SystemClock().now())
    finally:
        answers.close()
