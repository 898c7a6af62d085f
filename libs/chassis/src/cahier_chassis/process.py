"""From `main` to the exit code: signals, settings and one event loop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from cahier_chassis.epochs import open_epoch
from cahier_chassis.logs import configure_logs, get_logger
from cahier_chassis.public_log import prepare_log
from cahier_chassis.roles import ALL_ROLES, Role, parse_roles
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import TaskDied, Unit
from cahier_kernel.errors import DomainError
from cahier_ledger.log.refusals import LogRefused

EXIT_STOPPED = 0
EXIT_DIED = 1
EXIT_NOT_STARTED = 2
_LOG = get_logger(__name__)

Settings = TypeVar("Settings", bound=ServiceSettings)
Bootstrap = Callable[[Unit, Settings], Awaitable[None]]


def main(
    name: str,
    settings_type: type[Settings],
    bootstrap: Bootstrap[Settings],
    arguments: Sequence[str] | None = None,
) -> int:
    """A service's command line: `[--role ROLES] [--migrate | --open-epoch REASON]`.

    --migrate brings the store to this release and ends; it may be run any number of times.
    --open-epoch lets the public log go on that its store has fallen behind, and ends; nothing
    else of the service may run meanwhile. Returns the exit code, as `run`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m cahier_{name}")
    parser.add_argument(
        "--role",
        type=_roles,
        default=ALL_ROLES,
        metavar="all|api,relay,project,react",
        help="What this process does; roles are split on PostgreSQL only.",
    )
    parser.add_argument(
        "--migrate", action="store_true", help="Prepare the store for this release, then end."
    )
    parser.add_argument(
        "--open-epoch",
        metavar="REASON",
        help="After a restore that lost events: begin a new epoch of the public log, then end.",
    )
    chosen = parser.parse_args(arguments)
    if chosen.migrate:
        return migrate(name, settings_type)
    if chosen.open_epoch is not None:
        return begin_epoch(name, settings_type, chosen.open_epoch)
    dsn = settings_type.variable("store_dsn")
    if chosen.role != ALL_ROLES and not os.environ.get(dsn):
        sys.stderr.write(f"roles are split on PostgreSQL only: set {dsn}\n")
        return EXIT_NOT_STARTED
    return run(name, settings_type, bootstrap, chosen.role)


def run(
    name: str,
    settings_type: type[Settings],
    bootstrap: Bootstrap[Settings],
    roles: frozenset[Role] = ALL_ROLES,
) -> int:
    """Runs one unit until SIGTERM or SIGINT and returns the process's exit code.

    0: stopped as asked. 1: a background task died (a supervisor starts the unit again).
    2: it could not start: bad settings (named on stderr, without their values) or bootstrap.
    """
    settings = _settings(name, settings_type)
    if settings is None:
        return EXIT_NOT_STARTED
    return asyncio.run(_serve(name, settings, bootstrap, roles))


def migrate(name: str, settings_type: type[Settings]) -> int:
    """Brings the service's store to this release: 0, or 2 when that could not be done."""
    settings = _settings(name, settings_type)
    if settings is None:
        return EXIT_NOT_STARTED
    try:
        applied = settings.stores(name).migrate()
        if settings.store_dsn is not None:
            prepare_log(settings, name)
    except DomainError as error:
        _LOG.error("not_migrated", reason=error.rule)
        return EXIT_NOT_STARTED
    _LOG.info("migrated", files=applied)
    return EXIT_STOPPED


def begin_epoch(name: str, settings_type: type[Settings], reason: str) -> int:
    """Opens the next epoch of the service's public log: 0, or 2 when there is no need or way."""
    settings = _settings(name, settings_type)
    if settings is None:
        return EXIT_NOT_STARTED
    try:
        opened = asyncio.run(open_epoch(settings, name, reason))
    except DomainError as error:
        _LOG.error("no_epoch_opened", reason=error.rule)
        return EXIT_NOT_STARTED
    _LOG.info("epoch_opened", epoch=opened.epoch, kept=opened.kept, lost=opened.lost)
    return EXIT_STOPPED


def _roles(text: str) -> frozenset[Role]:
    try:
        return parse_roles(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not roles: {text!r}") from None


def _settings(name: str, settings_type: type[Settings]) -> Settings | None:
    """The settings, or None after having named on stderr those that are bad."""
    configure_logs(name)
    try:
        return settings_type.from_environment()
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            variable = settings_type.variable(".".join(str(part) for part in each["loc"]))
            _LOG.error("bad_setting", setting=variable, reason=each["msg"])
        return None


async def _serve(
    name: str, settings: Settings, bootstrap: Bootstrap[Settings], roles: frozenset[Role]
) -> int:
    unit = Unit(settings, name, roles)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, unit.stop)
    try:
        await unit.serve(lambda: bootstrap(unit, settings))
    except TaskDied:
        return EXIT_DIED
    except LogRefused as error:
        _LOG.error("unit_not_started", reason=error.rule)
        return EXIT_NOT_STARTED
    except Exception:
        _LOG.exception("unit_not_started")
        return EXIT_NOT_STARTED
    return EXIT_STOPPED
