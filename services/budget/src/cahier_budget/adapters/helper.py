"""A helper process that answers questions on a core of its own, one after another.

Questions and answers are frames of bytes behind their length, on the process's stdin and stdout.
When the service dies, however it dies, stdin ends and so does the helper.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

LENGTH_BYTES = 4
STOP_S_MAX = 2.0


def frame(body: bytes) -> bytes:
    """The body behind its length."""
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def serve(answer: Callable[[bytes], bytes]) -> None:
    """In the helper: answers frames on stdin in order until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The service decides when to stop.
    answer_frames(sys.stdin.buffer, sys.stdout.buffer, answer)


def answer_frames(questions: BinaryIO, answers: BinaryIO, answer: Callable[[bytes], bytes]) -> None:
    """Answers frames in order until the input ends."""
    while len(length := questions.read(LENGTH_BYTES)) == LENGTH_BYTES:
        body = questions.read(int.from_bytes(length, "big"))
        answers.write(frame(answer(body)))
        answers.flush()


class Helper:
    """One process; answers come in the order of the questions. Starts at the first question."""

    def __init__(self, module: str, frame_bytes_max: int) -> None:
        """module: what `python -m` runs; it calls `serve`."""
        self._module = module
        self._frame_bytes_max = frame_bytes_max
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._starting = asyncio.Lock()

    def waiting(self) -> int:
        """Questions not yet answered."""
        return len(self._asked)

    async def ask(self, body: bytes) -> bytes:
        """Raises OSError or EOFError when the process cannot start or has died."""
        writer = await self._writer()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        writer.write(frame(body))
        return await answer

    async def kill(self) -> None:
        """Ends the process at once; what was asked fails, the next question starts another."""
        process, reading = self._process, self._reading
        self._process = None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if reading is not None:
            await reading

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
                    self._module,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=self._frame_bytes_max,
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
                    answer.set_result(body)
        except (OSError, asyncio.IncompleteReadError):
            await process.wait()
        finally:
            while self._asked:
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_exception(EOFError("the helper ended"))
