"""Argon2id (RFC 9106) with argon2-cffi's defaults, in threads, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cahier_kernel.errors import Unavailable

THREADS = 2
"""Each hash takes 64 MiB and some tens of milliseconds of all cores."""
WAITING_MAX = 64

T = TypeVar("T")


class Argon2Passwords:
    """ports.Passwords. Close it with `close`."""

    def __init__(
        self, hasher: PasswordHasher | None = None, *, waiting_max: int = WAITING_MAX
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._waiting_max = waiting_max
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, "argon2")
        # Nobody's password: what a sign-in with an unknown address is compared with.
        self._nobody = self._hasher.hash("nobody signs in with this")

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str, password: str) -> bool:
        matches = await self._in_thread(
            lambda: self._matches(password_hash or self._nobody, password)
        )
        return matches and bool(password_hash)

    async def close(self) -> None:
        """Waits for hashes under way."""
        await asyncio.to_thread(self._threads.shutdown)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._waiting_max:
            raise Unavailable("sign_in_busy", "too many sign-ins at once: try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
