"""The connection to the city's NATS server: named, patient, and sparing with words.

It reconnects for ever: a unit without its bus serves its commands and says that it is degraded.
"""

from __future__ import annotations

import time
from typing import Any

from nats.aio.client import Client
from nats.errors import StaleConnectionError
from nats.js import JetStreamContext

from cahier_chassis.health import Check
from cahier_chassis.logs import get_logger

RECONNECT_WAIT_S = 0.25
CONNECT_TIMEOUT_S = 2
PING_INTERVAL_S = 10
PINGS_UNANSWERED_MAX = 2
JETSTREAM_TIMEOUT_S = 5.0
REMIND_EVERY_S = 600.0
NOT_CONNECTED = "not connected"
# With these the client gives its connection up, soon after it has told them.
_LOSSES = (OSError, StaleConnectionError)
_LOG = get_logger(__name__)


async def connect(url: str, name: str) -> Client:
    """Connects under `name`; tries for ever until the server answers. Close with `close()`."""
    client = Client()
    watch = _Watch()

    async def on_error(error: Exception) -> None:
        if isinstance(error, _LOSSES) or not client.is_connected:
            watch.away(type(error).__name__)
        else:
            _LOG.warning("nats_error", error=type(error).__name__, reason=str(error))

    async def on_lost() -> None:
        if not client.is_closed:
            watch.away("connection lost")

    async def on_back() -> None:
        watch.back()

    # The client sleeps for reconnect_time_wait; a fraction of a second is fine.
    wait_s: Any = RECONNECT_WAIT_S
    await client.connect(
        url,
        name=name,
        error_cb=on_error,
        disconnected_cb=on_lost,
        reconnected_cb=on_back,
        max_reconnect_attempts=-1,
        reconnect_time_wait=wait_s,
        connect_timeout=CONNECT_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        max_outstanding_pings=PINGS_UNANSWERED_MAX,
    )
    watch.back()
    return client


def jetstream(client: Client) -> JetStreamContext:
    """The client's JetStream context, with a timeout on every request."""
    return client.jetstream(timeout=JETSTREAM_TIMEOUT_S)


def connected(client: Client) -> Check:
    """A check: passes while the client is connected."""
    return lambda: "" if client.is_connected else NOT_CONNECTED


class _Watch:
    """Logs that the server is away and that it is back, not each of the attempts in between."""

    def __init__(self) -> None:
        self._away_since_s: float | None = None
        self._told_at_s = 0.0

    def away(self, reason: str) -> None:
        now_s = time.monotonic()
        if self._away_since_s is None:
            self._away_since_s = self._told_at_s = now_s
            _LOG.warning("nats_away", reason=reason)
        elif now_s - self._told_at_s >= REMIND_EVERY_S:
            self._told_at_s = now_s
            _LOG.warning("nats_still_away", reason=reason, away_s=int(now_s - self._away_since_s))

    def back(self) -> None:
        if self._away_since_s is not None:
            _LOG.info("nats_back", away_s=int(time.monotonic() - self._away_since_s))
            self._away_since_s = None
