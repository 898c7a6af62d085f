"""Files that were made a while ago and may still be handed out, each made once at a time.

They stand in a folder that is emptied at every start: a text that is erased is gone from here as
soon as its file is made anew, at the latest KEPT_S after that is asked for.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

KEPT_S = 60.0
KEPT_MAX = 300
"""Folders; a city with more closed elections makes some of them anew."""
AT_ONCE = 2
CHUNK_BYTES = 256 * 1024
Make = Callable[[Path], Awaitable[None]]


class Shelf:
    """Folders of files by name. now_s: a clock that only runs forward."""

    def __init__(self, folder: Path, now_s: Callable[[], float] = time.monotonic) -> None:
        self._root, self._now_s = folder, now_s
        self._held: OrderedDict[str, tuple[float, Path]] = OrderedDict()
        self._making: dict[str, asyncio.Task[Path]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._is_empty = False

    async def get(self, name: str, make: Make, kept_s: float = KEPT_S) -> Path:
        """The folder of that name, made now unless it was made in the last `kept_s` seconds.

        Whoever asks while it is made waits for the same making; raises what `make` raises.
        """
        held = self._held.get(name)
        if held is not None and self._now_s() - held[0] < kept_s:
            return held[1]
        if name not in self._making:
            task = asyncio.create_task(self._make(name, make))
            self._making[name] = task
            task.add_done_callback(lambda done: self._ended(name, done))
        # Whoever goes away meanwhile ends nothing for the others.
        return await asyncio.shield(self._making[name])

    def _ended(self, name: str, task: asyncio.Task[Path]) -> None:
        self._making.pop(name, None)
        if not task.cancelled():
            task.exception()  # told to whoever waited, if anybody still does

    async def _make(self, name: str, make: Make) -> Path:
        async with self._at_once:
            begun_s = self._now_s()
            folder = await asyncio.to_thread(self._new_folder)
            try:
                await make(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._keep(name, begun_s, folder)
            return folder

    def _new_folder(self) -> Path:
        if not self._is_empty:
            shutil.rmtree(self._root, ignore_errors=True)
            self._is_empty = True
        self._root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._root))

    def _keep(self, name: str, begun_s: float, folder: Path) -> None:
        old = self._held.pop(name, None)
        self._held[name] = (begun_s, folder)
        if old is None and len(self._held) > KEPT_MAX:
            old = self._held.popitem(last=False)[1]
        if old is not None:
            # Whoever reads a file of it has it open and reads on.
            shutil.rmtree(old[1], ignore_errors=True)

    async def close(self) -> None:
        """Ends what is being made and removes all files."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)


class OpenFile:
    """A file of a shelf, open: it is read to its end even if it is removed meanwhile."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = path.stat().st_size

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content, some of it at a time; closes the file."""
        try:
            while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
                yield chunk
        finally:
            self._file.close()
