"""What stands in simulated services where something of theirs is slow, silent or faulty."""

from __future__ import annotations

from typing import Any

from tests.simulation.curse import Curse


class PlainPasswords:
    """identity's port Passwords without the slowness that protects real ones."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password_hash: str, password: str) -> bool:
        return password_hash == f"plain:{password}"

    async def close(self) -> None:
        """Holds nothing."""


def cursed(plans: Any, curse: Curse) -> Any:
    """The making of mail plans, as a faulty release does it."""

    def made(planning: Any, leaf: Any) -> Any:
        curse.strike(leaf.id)
        return plans(planning, leaf)

    return made


class Complaints:
    """The log of calls and tasks that failed for no stated reason."""

    def __init__(self, unexplained: list[str]) -> None:
        self._unexplained = unexplained

    def error(
        self, event: str, method: str = "", task: str = "", exc_info: Any = None, **_: Any
    ) -> None:
        if not is_injected(exc_info):
            where = getattr(exc_info, "__traceback__", None)
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            at = f" at {where.tb_frame.f_code.co_name}" if where is not None else ""
            self._unexplained.append(f"{event} {method}{task}: {exc_info!r}{at}")


def is_injected(error: BaseException | None) -> bool:
    """Whether an error goes back to a fault that the simulation made."""
    while error is not None:
        if "disk I/O error" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
