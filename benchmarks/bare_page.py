"""The web framework's own bare page, as a server: `python -m benchmarks.bare_page`.

What the portal's pages are measured against: the same framework and server, a page that says a
sentence. No session, no form guards, no template, no call to a service, no metric, no trace.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

from litestar import Litestar, get
from litestar.enums import MediaType

from cahier_chassis.health import HttpServer

PREFIX = "BARE"


@get("/", media_type=MediaType.HTML)
async def page() -> str:
    """The page."""
    return "<!doctype html><title>bare</title><p>A bare page."


async def main() -> None:
    """Serves until SIGTERM."""
    server = HttpServer(Litestar([page], logging_config=None, openapi_config=None))
    port = await server.start("127.0.0.1", 0)
    run_file = Path(os.environ[f"{PREFIX}_RUN_FILE"])
    run_file.with_suffix(".new").write_text(json.dumps({"http": port}))
    run_file.with_suffix(".new").replace(run_file)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
