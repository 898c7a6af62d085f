"""The way out of a public log that its store has fallen behind: `--open-epoch REASON`.

For a service that does not run. The bus may still hold the leaves that the store has lost; where
they lead to the signed root they go back into the old log's files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import nats
import nats.errors
from nats.js.errors import NotFoundError

from cahier_chassis.logs import get_logger
from cahier_chassis.public_log import open_log
from cahier_chassis.settings import ServiceSettings
from cahier_kernel.ids import uuid7
from cahier_ledger.bus.envelope import public_seq_of
from cahier_ledger.bus.streams import public_stream
from cahier_ledger.log.epochs import EpochOpener, LeavesAfter, Opened

CONNECT_S = 5.0
READ_S = 5.0
LEAVES_MAX = 1_000_000
_LOG = get_logger(__name__)


async def open_epoch(settings: ServiceSettings, service: str, reason: str) -> Opened:
    """Opens the next epoch of the service's log; its views are built again from then on.

    Raises LogRefused, StoreUnavailable.
    """
    loop = asyncio.get_running_loop()

    def elsewhere(after: int) -> list[bytes]:
        reading = leaves_on_the_bus(settings.nats_url, service, after)
        return asyncio.run_coroutine_threadsafe(reading, loop).result()

    return await asyncio.to_thread(_open, settings, service, reason, elsewhere)


async def leaves_on_the_bus(url: str, service: str, after: int) -> list[bytes]:
    """The leaves behind public_seq `after` in the service's stream; [] without a bus."""
    try:
        async with asyncio.timeout(CONNECT_S):
            client = await nats.connect(url, allow_reconnect=False, error_cb=_ignore)
    except (nats.errors.Error, OSError, TimeoutError):
        _LOG.warning("bus_away", reason="lost leaves are not looked for there")
        return []
    leaves: list[bytes] = []
    stream, js = public_stream(service), client.jetstream(timeout=READ_S)
    try:
        while len(leaves) < LEAVES_MAX:
            wanted = after + len(leaves) + 1
            # Both numberings are the same, unless strangers wrote; then there is nothing to find.
            message = await js.get_msg(stream, wanted)
            if public_seq_of(message.headers) != wanted:
                break
            leaves.append(message.data or b"")
    except (NotFoundError, nats.errors.Error, TimeoutError):
        pass  # The end, or no such stream.
    finally:
        await client.close()
    return leaves


async def _ignore(_: Exception) -> None:
    """What matters is whether there is a connection in time."""


def _open(settings: ServiceSettings, service: str, reason: str, elsewhere: LeavesAfter) -> Opened:
    stores, clock = settings.stores(service), settings.clock()
    closers: list[Callable[[], None]] = []
    try:
        ledger = stores.open_ledger()
        closers.append(ledger.close_blocking)
        parts = open_log(settings, service, ledger)
        closers.append(parts.close)
        opener = EpochOpener(
            service, settings.log_origin, ledger, parts.tiles, parts.locks, parts.signers
        )
        now = clock.now()
        opened = opener.open(str(uuid7(now)), now, reason, elsewhere)
        views = stores.open_views()
        closers.append(views.close)
        views.forget_all()
    finally:
        for close in reversed(closers):
            close()
    return opened
