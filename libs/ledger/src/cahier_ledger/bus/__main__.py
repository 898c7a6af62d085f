"""`python -m cahier_ledger.bus`: declares the stream DEAD, which belongs to no service.

A deployment runs it once a release, beside the services. It waits for the bus and may be repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import nats
from nats.errors import Error as NatsError

from cahier_ledger.bus.streams import DEAD_STREAM, StreamDiffers, declare_dead_stream

EXIT_DONE = 0
EXIT_DIFFERS = 1
EXIT_NO_BUS = 2
CONNECT_TIMEOUT_S = 3
TRY_S = 5.0
WAIT_S_DEFAULT = 300.0
PAUSE_S = 0.5


async def declare(url: str, wait_s: float) -> int:
    """The exit code. Tries until the bus answers or `wait_s` seconds are over."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            # The client itself would go on trying a server that refuses for two minutes.
            async with asyncio.timeout(TRY_S):
                await _declare(url)
        except StreamDiffers as error:
            return _say(EXIT_DIFFERS, str(error))
        except (OSError, NatsError) as error:
            if asyncio.get_running_loop().time() >= deadline:
                return _say(EXIT_NO_BUS, f"no bus within {wait_s:g} s: {type(error).__name__}")
            await asyncio.sleep(PAUSE_S)
        else:
            return _say(EXIT_DONE, f"stream {DEAD_STREAM} is declared")


async def _declare(url: str) -> None:
    client = await nats.connect(
        url,
        connect_timeout=CONNECT_TIMEOUT_S,
        allow_reconnect=False,
        error_cb=_ignore,  # what goes wrong is raised as well
    )
    try:
        await declare_dead_stream(client.jetstream())
    finally:
        await client.close()


async def _ignore(_: Exception) -> None:
    pass


def _say(code: int, line: str) -> int:
    sys.stderr.write(f"cahier_ledger.bus: {line}\n")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cahier_ledger.bus", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("NATS_URL"), help="[$NATS_URL]")
    parser.add_argument("--wait-s", type=float, default=WAIT_S_DEFAULT)
    options = parser.parse_args()
    if not options.url:
        parser.error("say where the bus is: --url or NATS_URL")
    return asyncio.run(declare(options.url, options.wait_s))


if __name__ == "__main__":
    sys.exit(main())
