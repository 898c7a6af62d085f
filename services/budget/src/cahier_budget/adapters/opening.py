"""Opens many sealed ballots at once in helper processes, or here when there is none.

A helper that dies takes nothing with it: what it was asked is opened here, and the next task
starts another.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from cahier_budget.adapters.opening_worker import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    Opened,
    Task,
    decode_opened,
    encode,
    frame,
    open_all,
)
from cahier_chassis.logs import get_logger

STOP_S_MAX = 2.0
_LOG = get_logger(__name__)
_MODULE = "cahier_budget.adapters.opening_worker"


class OpeningProcesses:
    """ports.Opening; belongs to one event loop. Starts its helpers at the first task."""

    def __init__(self, processes: int) -> None:
        """processes: helpers; 0 opens everything in this process."""
        self._helpers = [_Helper() for _ in range(processes)]

    async def open_many(
        self, private_key: str, sealed: Sequence[bytes], bindings: Sequence[bytes]
    ) -> list[bytes | None]:
        """As the port says."""
        task = Task(private_key, list(sealed), list(bindings))
        if self._helpers:
            helper = min(self._helpers, key=_Helper.waiting)
            try:
                return (await helper.ask(task)).plaintexts
            except (OSError, EOFError, asyncio.IncompleteReadError) as error:
                _LOG.warning("opening_helper_failed", reason=type(error).__name__)
        return open_all(task).plaintexts

    async def close(self) -> None:
        """Ends the helpers."""
        for helper in self._helpers:
            await helper.close()


class _Helper:
    """One process; answers come in the order of the questions."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: deque[asyncio.Future[Opened]] = deque()
        self._starting = asyncio.Lock()

    def waiting(self) -> int:
        """Questions not yet answered."""
        return len(self._asked)

    async def ask(self, task: Task) -> Opened:
        """Raises OSError or EOFError when the process cannot start or has died."""
        writer = await self._writer()
        answer: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        writer.write(frame(encode(task)))
        return await answer

    async def close(self) -> None:
        """Ends the process: its input ends, else it is killed."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _writer(self) -> asyncio.StreamWriter:
        async with self._starting:
            if self._process is None or self._reading is None or self._reading.done():
                self._process = process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    _MODULE,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=FRAME_BYTES_MAX,
                )
                self._reading = asyncio.create_task(self._read(process))
            if self._process.stdin is None:
                raise OSError("the helper has no input")
            return self._process.stdin

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hands out answers until the process ends; then fails what was asked."""
        answers = process.stdout
        try:
            while answers is not None:
                length = await answers.readexactly(LENGTH_BYTES)
                body = await answers.readexactly(int.from_bytes(length, "big"))
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_result(decode_opened(body))
        except (OSError, asyncio.IncompleteReadError):
            await process.wait()
        finally:
            while self._asked:
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_exception(EOFError("the helper ended"))
