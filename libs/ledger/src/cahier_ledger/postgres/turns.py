"""One process of several does a thing at a time: the others stand by and take over.

A session's advisory lock is the turn: the server takes it back when the process or its connection
dies. Who has lost the server stops its work within seconds, though it cannot know whether another
has begun meanwhile; so what is done under a turn must be harmless twice, as relays (the broker
checks the expected sequence) and projections (the view's position moves with its rows) are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg

from cahier_ledger.postgres.connections import Connection, connect, lock_key

TRY_EVERY_S = 1.0
CHECK_EVERY_S = 1.0
ANSWER_S_MAX = 5.0

Work = Callable[[], Coroutine[Any, Any, Any]]

_log = logging.getLogger(__name__)


async def alone(dsn: str, schema: str, name: str, work: Work, stand_by: Work | None = None) -> None:
    """Runs `work` in at most one process that asks for `name`; `stand_by` while it is another's.

    Returns when `work` ends by itself; raises what it raises. `work` is cancelled when the turn
    is lost, and begun again when it is won again.
    """
    while True:
        connection = await _win(dsn, schema, name, stand_by)
        _log.info("%s: it is this process's turn", name)
        try:
            if await _work_while_held(connection, work):
                return
        finally:
            await asyncio.to_thread(connection.close)
        _log.warning("%s: the turn was lost", name)


async def _win(dsn: str, schema: str, name: str, stand_by: Work | None) -> Connection:
    """Waits for the turn; returns the connection that holds it."""
    won = await asyncio.to_thread(_try, dsn, schema, name, None)
    if won is not None and won[1]:
        return won[0]
    standing = asyncio.create_task(stand_by()) if stand_by is not None else None
    try:
        while won is None or not won[1]:
            if standing is not None and standing.done():
                await standing
            await asyncio.sleep(TRY_EVERY_S)
            won = await asyncio.to_thread(_try, dsn, schema, name, won and won[0])
        return won[0]
    except BaseException:
        if won is not None:
            won[0].close()
        raise
    finally:
        await _cancelled(standing)


def _try(
    dsn: str, schema: str, name: str, connection: Connection | None
) -> tuple[Connection, bool] | None:
    """The connection and whether it has the turn; None when the server is away."""
    try:
        connection = connection or connect(dsn, schema, answer_s=ANSWER_S_MAX)
        key = lock_key(f"turn {name}", schema)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        return connection, bool(row and row[0])
    except psycopg.Error as error:
        _log.info("%s: cannot ask for a turn: %s", name, type(error).__name__)
        if connection is not None:
            connection.close()
        return None


async def _work_while_held(connection: Connection, work: Work) -> bool:
    """Whether the work ended by itself; otherwise the turn was lost."""
    working = asyncio.create_task(work())
    try:
        while True:
            await asyncio.wait({working}, timeout=CHECK_EVERY_S)
            if working.done():
                await working
                return True
            if not await asyncio.to_thread(_is_held, connection):
                return False
    finally:
        await _cancelled(working)


def _is_held(connection: Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


async def _cancelled(task: asyncio.Task[Any] | None) -> None:
    """Cancels a task, if there is one, and waits for its end."""
    if task is None:
        return
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.wait({task})
