"""How far a long audit is, on a terminal's last line; silent where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import TextIO

EVERY_S = 0.2
WIDTH = 79


class Progress:
    """Rewrites one line of stderr, at most five times a second; nothing if it is no terminal."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._shows = self._out.isatty()
        self._last_s = 0.0
        self._written = False

    def tell(self, what: str, done: int, of: int = 0) -> None:
        """`what` names the work; done, of: in leaves or files; 0 where the end is not known."""
        now_s = time.monotonic()
        if not self._shows or now_s - self._last_s < EVERY_S:
            return
        self._last_s = now_s
        self._written = True
        line = f"{what}: {done:,}" + (f" of {of:,}" if of else "")
        self._out.write("\r" + line[:WIDTH].ljust(WIDTH))
        self._out.flush()

    def clear(self) -> None:
        """Leaves the line empty for what is printed next."""
        if self._written:
            self._out.write("\r" + " " * WIDTH + "\r")
            self._out.flush()
            self._written = False
