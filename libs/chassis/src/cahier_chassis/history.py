"""A service's public past over HTTP: `/history/<thing id>`, `/leaves/<event id>`, `/growth`.

For the portal's pages; whoever wants proof reads the public log itself. Without the index pages of
history lack, and no command does: a unit whose index does not run is degraded, not unready.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec

from cahier_chassis import metrics
from cahier_chassis.bus import BusMeters
from cahier_chassis.roles import Role
from cahier_chassis.unit import Unit
from cahier_ledger.bus.health import State
from cahier_ledger.bus.views import ViewDatabase, is_passing
from cahier_ledger.history import HISTORY, Entry, History, HistoryProjection, fold_history
from cahier_ledger.model import StoreUnavailable
from cahier_ledger.store import LedgerTail

FRESH_TIMEOUT_S = 1.0
"""How long an answer waits for the index to know what the store knows."""

Found = Callable[[], bytes | None]


def serve_history(unit: Unit, ledger: LedgerTail, views: ViewDatabase) -> None:
    """Keeps the index of the service's leaves and answers from it. One line in a bootstrap."""
    views.declare(HISTORY)
    projection = HistoryProjection(ledger, views, HISTORY, fold_history, observer=BusMeters())
    pages = HistoryPages(unit.name, History(ledger, views), projection)
    for prefix in ("/history", "/leaves", "/growth"):
        unit.health.mount(prefix, pages)
    if Role.PROJECT in unit.roles:
        unit.spawn("history", projection.run, stand_by=projection.stand_by)
    else:
        unit.spawn("history", projection.stand_by)
    metrics.PROJECTION_LAG.labels(projection.name).set_function(partial(_lag, projection))
    unit.health.add_degradation("history", lambda: _unless_running(projection))


class HistoryPages:
    """The ASGI application behind the three addresses. JSON; 404 for what the log lacks."""

    def __init__(self, service: str, history: History, projection: HistoryProjection) -> None:
        self._service = service
        self._history = history
        self._projection = projection

    async def __call__(self, scope: Any, _: Any, send: Any) -> None:
        """Answers one request."""
        find = self._route(scope["path"], parse_qs(scope["query_string"].decode("latin-1")))
        try:
            await self._projection.wait_for(self._projection.head(), FRESH_TIMEOUT_S)
            body = await asyncio.to_thread(find)
        except Exception as error:
            if not is_passing(error):
                raise
            await _answer(send, 503, _json({"code": "store_unavailable"}))
            return
        await _answer(send, 200 if body else 404, body or _json({"code": "not_found"}))

    def _route(self, path: str, query: dict[str, list[str]]) -> Found:
        _, kind, key = (*path.split("/", 2), "")[:3]
        match kind:
            case "history":
                return partial(self._past, key, _number(query.get("after", ["0"])[-1]))
            case "leaves":
                return partial(self._leaf, key)
            case _:
                return self._growth

    def _past(self, thing: str, after: int) -> bytes | None:
        past = self._history.of(thing, after)
        entries = [_told(entry) for entry in past.entries]
        return _json({"entries": entries, "ballots": past.ballots, "more": past.more})

    def _leaf(self, event_id: str) -> bytes | None:
        found = self._history.leaf(event_id)
        return _json({"service": self._service, **_told(found)}) if found else None

    def _growth(self) -> bytes | None:
        return _json({"points": self._history.growth()})


def _told(entry: Entry) -> dict[str, Any]:
    place = entry.place
    return {
        "seq": place.public_seq,
        "epoch": place.epoch,
        "index": place.index,
        "ballots": entry.ballots,
        "leaf": msgspec.Raw(entry.leaf),
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _json(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _lag(projection: HistoryProjection) -> float:
    try:
        return projection.lag()
    except StoreUnavailable:
        return math.nan


def _unless_running(projection: HistoryProjection) -> str:
    health = projection.health
    return f"stopped {health.reason}" if health.state is State.STOPPED else ""
