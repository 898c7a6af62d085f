"""From `main` to the exit code: signals, settings and one event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from cahier_chassis.logs import configure_logs, get_logger
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import TaskDied, Unit

EXIT_STOPPED = 0
EXIT_DIED = 1
EXIT_NOT_STARTED = 2
_LOG = get_logger(__name__)

Settings = TypeVar("Settings", bound=ServiceSettings)
Bootstrap = Callable[[Unit, Settings], Awaitable[None]]


def run(name: str, settings_type: type[Settings], bootstrap: Bootstrap[Settings]) -> int:
    """Runs one unit until SIGTERM or SIGINT and returns the process's exit code.

    0: stopped as asked. 1: a background task died (a supervisor starts the unit again).
    2: it could not start: bad settings (named on stderr, without their values) or bootstrap.
    """
    configure_logs(name)
    try:
        settings = settings_type.from_environment()
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            variable = settings_type.variable(".".join(str(part) for part in each["loc"]))
            _LOG.error("bad_setting", setting=variable, reason=each["msg"])
        return EXIT_NOT_STARTED
    return asyncio.run(_serve(name, settings, bootstrap))


async def _serve(name: str, settings: Settings, bootstrap: Bootstrap[Settings]) -> int:
    unit = Unit(settings, name)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, unit.stop)
    try:
        await unit.serve(lambda: bootstrap(unit, settings))
    except TaskDied:
        return EXIT_DIED
    except Exception:
        _LOG.exception("unit_not_started")
        return EXIT_NOT_STARTED
    return EXIT_STOPPED
