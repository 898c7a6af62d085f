"""A service's public log as a part of its unit: kept by one process, served by each.

`/tlog/...` are the log's files, `/receipts/<event id>` the proofs that it hands out. A log that
must not go on stops the start: whoever put an old store back shall hear of it before anybody is
served. What goes wrong later makes the unit degraded; commands go on.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cahier_chassis import metrics
from cahier_chassis.logs import get_logger
from cahier_chassis.roles import Role
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import STEP_S_MAX, Unit
from cahier_kernel.errors import DomainError
from cahier_ledger.bus.health import State, whence
from cahier_ledger.log.carrying import carry_over
from cahier_ledger.log.cosigning import Cosigner
from cahier_ledger.log.keeping import LogKeeper
from cahier_ledger.log.lock import LogLocks, is_dsn, open_locks
from cahier_ledger.log.policies import keep_policies
from cahier_ledger.log.policy import BadPolicy, Policy
from cahier_ledger.log.proof import Receipt
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.receipts import Pending, Receipts, Unprovable
from cahier_ledger.log.refusals import LogRefused
from cahier_ledger.log.sequencer import Sequencer
from cahier_ledger.log.served import TEXT, ServedLog
from cahier_ledger.log.signing import Signer, open_signers
from cahier_ledger.log.storage import FolderTiles, TileStore
from cahier_ledger.log.witnessing import NATS, Witnesses
from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.connections import where
from cahier_ledger.store import LedgerReader, LedgerTail
from cahier_ledger.stores import Stores

IN_THE_STORE = "store"
DRAIN_S_MAX = STEP_S_MAX - 0.5
RETRY_AFTER_S = 1
EVENT_ID_CHARS_MAX = 64
NO_STORE = "no-store"
STORE_AWAY = "store_unavailable"
NO_QUORUM = "waits for the quorum of witnesses"
_LOG = get_logger(__name__)


@dataclass(frozen=True)
class LogParts:
    """What a service's log is made of, by its settings."""

    tiles: TileStore
    locks: LogLocks
    sequencer: Sequencer
    served: ServedLog
    signers: list[Signer]
    policy: Policy | None

    def keep_policies(self) -> None:
        """Keeps the policy with the earlier ones, before anything names it."""
        keep_policies(self.served.service, self.tiles, self.locks, self.policy)

    def close(self) -> None:
        """Closes tiles and lock."""
        self.tiles.close()
        self.locks.close()


def open_log(settings: ServiceSettings, service: str, ledger: LedgerReader) -> LogParts:
    """Opens a service's log, checking nothing yet.

    Raises LogRefused for keys or a policy that cannot be used, StoreUnavailable.
    """
    if settings.log_keys is None or not settings.log_origin:
        variable = settings.variable("log_origin" if settings.log_keys else "log_keys")
        raise LogRefused("log_not_configured", f"the public log needs {variable}")
    signers = open_signers(settings.log_keys)
    policy = policy_of(settings)
    locks = open_locks(_lock_place(settings, service))
    tiles = _open_tiles(settings, settings.stores(service))
    origin = settings.log_origin
    return LogParts(
        tiles,
        locks,
        Sequencer(service, origin, ledger, tiles, locks, signers),
        ServedLog(service, tiles, locks, policy),
        signers,
        policy,
    )


def prepare_log(settings: ServiceSettings, service: str) -> None:
    """Makes what the log needs in databases; may be done any number of times.

    Raises StoreUnavailable.
    """
    if settings.log_keys is not None:
        open_locks(_lock_place(settings, service)).close()
        _open_tiles(settings, settings.stores(service)).close()


def policy_of(settings: ServiceSettings) -> Policy | None:
    """The policy that clients are told to hold this log to, or None; raises LogRefused."""
    if settings.log_policy is None:
        return None
    try:
        return Policy.parse(settings.log_policy.read_bytes())
    except (OSError, BadPolicy) as error:
        raise LogRefused(
            "log_policy_unusable", f"the policy {settings.log_policy} cannot be used: {error}"
        ) from None


async def keep_public_log(unit: Unit, ledger: LedgerTail) -> Policy | None:
    """Keeps and serves the unit's public log. One line in a bootstrap, once the store is open.

    In the role relay, by one process at a time. Answers the policy that it is held to, which was
    kept for good before: events may name it. Raises LogRefused when the log must not go on from
    this store. A unit without LOG_KEYS has no log, which its log says.
    """
    settings = unit.settings
    if settings.log_keys is None:
        _LOG.warning("no_public_log", setting=settings.variable("log_keys"))
        return None
    _warn_of_lock(settings, unit.name)
    parts = await asyncio.to_thread(open_log, settings, unit.name, ledger)
    unit.on_close("public log", partial(asyncio.to_thread, parts.close))
    await asyncio.to_thread(parts.sequencer.check)
    await asyncio.to_thread(parts.keep_policies)
    pages = LogPages(parts.served, Receipts(ledger, parts.served))
    unit.health.mount("/tlog", pages)
    unit.health.mount("/receipts", pages)
    if Role.RELAY in unit.roles:
        _keep(unit, ledger, parts)
    return parts.policy


def _keep(unit: Unit, ledger: LedgerTail, parts: LogParts) -> None:
    keeper = LogKeeper(
        parts.sequencer,
        Publisher(parts.tiles),
        ledger,
        cosigner=_cosigner(unit, parts),
        batch_s=unit.settings.log_batch_s,
        checkpoint_s=unit.settings.log_checkpoint_s,
    )
    keeping = _Keeping(keeper)
    unit.spawn("public log", keeping.run, stand_by=keeping.stand_by)
    unit.drain("public log", keeping.drain)
    unit.health.add_degradation("public log", keeping.reason)
    metrics.LOG_REFUSED.set_function(keeping.known(keeping.is_refused))
    metrics.LOG_SIZE.set_function(keeping.known(lambda: keeper.published))
    metrics.LOG_LAG.set_function(keeping.known(keeper.lag))
    metrics.LOG_WITNESSES.set_function(keeping.known(lambda: keeper.witnesses))
    metrics.LOG_QUORUM.set_function(keeping.known(lambda: keeper.has_quorum))
    metrics.LOG_CHECKPOINT_AGE.set_function(keeping.known(keeper.age_s))


def _cosigner(unit: Unit, parts: LogParts) -> Cosigner | None:
    policy = parts.policy
    if policy is None or not policy.witnesses:
        return None

    async def make() -> Witnesses:
        needs_bus = any(each.url.startswith(NATS) for each in policy.witnesses)
        bus = await unit.nats() if needs_bus else None
        http = httpx.AsyncClient()
        unit.on_close("witnesses", http.aclose)
        return Witnesses(policy, http, bus)

    return Cosigner(policy, make, parts.tiles)


class _Keeping:
    """The keeper of this process while it is the one that keeps the log."""

    def __init__(self, keeper: LogKeeper) -> None:
        self._keeper = keeper
        self._is_here = False

    async def run(self) -> None:
        self._is_here = True
        try:
            await self._keeper.run()
        finally:
            self._is_here = False

    async def stand_by(self) -> None:
        await asyncio.Event().wait()

    async def drain(self) -> None:
        """Signs what is committed, so that a stopped city's log is whole."""
        if self._is_here and self._keeper.health.is_well:
            async with asyncio.timeout(DRAIN_S_MAX):
                await self._keeper.drain()

    def reason(self) -> str:
        health = self._keeper.health
        if not self._is_here:
            return ""
        if health.is_well:
            return "" if self._keeper.has_quorum else NO_QUORUM
        return f"{health.state.value} {health.reason}".strip()

    def is_refused(self) -> bool:
        return self._keeper.health.state is State.STOPPED

    def known(self, read: Callable[[], float]) -> Callable[[], float]:
        """A metric that only the process that keeps the log knows."""

        def value() -> float:
            if not self._is_here:
                return math.nan
            try:
                return read()
            except StoreUnavailable:
                return math.nan

        return value


class LogPages:
    """The ASGI application behind `/tlog` and `/receipts`."""

    def __init__(self, served: ServedLog, receipts: Receipts) -> None:
        self._served = served
        self._receipts = receipts

    async def __call__(self, scope: Any, _: Any, send: Any) -> None:
        """Answers one request; 503 while store, tiles or lock are away."""
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, _problem("method_not_allowed"), {"allow": "GET, HEAD"})
            return
        _, kind, rest = (*scope["path"].split("/", 2), "")[:3]
        find = self._file if kind == "tlog" else self._receipt
        try:
            status, body, headers = await asyncio.to_thread(find, rest)
        except DomainError as error:
            _LOG.warning("public_log_away", reason=error.rule)
            status, body, headers = 503, _problem(error.code), {"cache-control": NO_STORE}
        except sqlite3.DatabaseError as error:  # The lock's or the tiles': locked, full, broken.
            _LOG.warning("public_log_away", reason=whence(error))
            status, body, headers = 503, _problem(STORE_AWAY), {"cache-control": NO_STORE}
        await _answer(send, status, body, headers)

    def _file(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        # The portal's addresses name the service; a web server may hand them on as they are.
        found = self._served.get(path.removeprefix(f"{self._served.service}/"))
        if found is None:
            return 404, _problem("not_found"), {"cache-control": NO_STORE}
        return (
            200,
            found.body,
            {"content-type": found.content_type, "cache-control": found.cache},
        )

    def _receipt(self, event_id: str) -> tuple[int, bytes, dict[str, str]]:
        found = self._receipts.receipt_of(event_id) if len(event_id) <= EVENT_ID_CHARS_MAX else None
        match found:
            case Receipt():
                name = f'attachment; filename="{_plain(event_id)}.tlog-proof"'
                # It may yet gain cosignatures, and clients that ask again shall get them.
                headers = {"cache-control": "no-cache", "content-disposition": name}
                return 200, str(found).encode(), {"content-type": TEXT, **headers}
            case Pending(index=index):
                headers = {"cache-control": NO_STORE, "retry-after": str(RETRY_AFTER_S)}
                return 202, _problem("checkpoint_not_there_yet", index=index), headers
            case Unprovable(index=index, epoch=epoch):
                body = _problem("proof_lost", index=index, epoch=epoch)
                return 410, body, {"cache-control": NO_STORE}
            case _:
                return 404, _problem("event_not_found"), {"cache-control": NO_STORE}


def _open_tiles(settings: ServiceSettings, stores: Stores) -> TileStore:
    """Where the log's files lie; what a folder has of them goes into an empty store first."""
    own_folder = settings.data_dir / "tlog"
    chosen = settings.log_tiles or (IN_THE_STORE if stores.shared else own_folder)
    if chosen != IN_THE_STORE:
        return FolderTiles(Path(chosen))
    tiles = stores.open_tiles()
    carried = carry_over(FolderTiles(own_folder), tiles)
    if carried:
        _LOG.info("public_log_files_moved", files=carried, folder=str(own_folder))
    return tiles


def _lock_place(settings: ServiceSettings, service: str) -> str:
    if settings.log_lock is not None:
        return settings.log_lock.get_secret_value()
    return str(settings.data_dir.parent / "locks" / f"{service}.db")


def _warn_of_lock(settings: ServiceSettings, service: str) -> None:
    """A lock row that comes back with the events finds nothing out: then only witnesses could."""
    lock, dsn = _lock_place(settings, service), settings.stores(service).dsn
    if dsn is not None and is_dsn(lock) and where(lock) == where(dsn):
        setting = settings.variable("log_lock")
        _LOG.warning("log_lock_beside_the_events", database=where(lock), setting=setting)


def _plain(event_id: str) -> str:
    return "".join(each for each in event_id if each.isalnum() or each in "-_")


def _problem(code: str, **told: int) -> bytes:
    return msgspec.json.encode({"code": code, **told})


async def _answer(send: Any, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    told = {
        "content-type": "application/json",
        # Anybody may check a log, from a page of any site.
        "access-control-allow-origin": "*",
        **headers,
        "content-length": str(len(body)),
    }
    raw = [(name.encode(), value.encode()) for name, value in told.items()]
    with suppress(OSError):
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
