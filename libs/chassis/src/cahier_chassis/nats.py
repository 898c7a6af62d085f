"""The connection to the city's NATS server: named, patient, and loud in the log.

It reconnects for ever: a unit without its bus serves its commands and says that it is degraded.
"""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext

from cahier_chassis.health import Check
from cahier_chassis.logs import get_logger

RECONNECT_WAIT_S = 0.25
CONNECT_TIMEOUT_S = 2
PING_INTERVAL_S = 10
PINGS_UNANSWERED_MAX = 2
JETSTREAM_TIMEOUT_S = 5.0
NOT_CONNECTED = "not connected"
_LOG = get_logger(__name__)


async def connect(url: str, name: str) -> Client:
    """Connects under `name`; tries for ever until the server answers. Close with `close()`."""
    client = Client()

    async def on_error(error: Exception) -> None:
        _LOG.warning("nats_error", error=type(error).__name__, reason=str(error))

    async def on_lost() -> None:
        _LOG.warning("nats_disconnected")

    async def on_back() -> None:
        _LOG.info("nats_reconnected")

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
    return client


def jetstream(client: Client) -> JetStreamContext:
    """The client's JetStream context, with a timeout on every request."""
    return client.jetstream(timeout=JETSTREAM_TIMEOUT_S)


def connected(client: Client) -> Check:
    """A check: passes while the client is connected."""
    return lambda: "" if client.is_connected else NOT_CONNECTED
