"""The public log for people: where it stands, how to check a receipt, how to audit all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.datastructures import UploadFile
from markupsafe import Markup

from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import DomainError, NotFound, Unavailable
from cahier_kernel.texts import ERASED
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.note import BadNote, to_base64, verified_by
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.proof import RECEIPT_BYTES_MAX
from cahier_portal import checking, pictures
from cahier_portal.catalogue import t
from cahier_portal.checking import Cosigned, LogKeys, Verdict
from cahier_portal.contracts import EVENT_ID_CHARS_MAX
from cahier_portal.disclosed import Disclosed
from cahier_portal.formats import day_and_time, number
from cahier_portal.forms import FormError
from cahier_portal.parameters import Caller, PathText, QueryText
from cahier_portal.publiclog import Entry, PublicLogs
from cahier_portal.retelling import sentence
from cahier_portal.visit import Answer, Page, Visit, or_none

# Which things have pages of their own, and the field of a leaf's data that names them.
_PAGES = (("proposal", "proposal"), ("report", "report"), ("election", "election"))


@dataclass(frozen=True)
class EpochCard:
    """That a log began anew: what its first entry says, and why, in the words of whoever did it."""

    entry: Entry
    lost: int
    reason: str = ""

    @property
    def at(self) -> datetime:
        return from_rfc3339(self.entry.at)


@dataclass(frozen=True)
class LogCard:
    """One log as the page shows it. Everything but its name is missing while its service is away.

    checkpoint: None before the first. is_signed: whether a published key signed it.
    """

    service: str
    keys: Sequence[LogKeys] = ()
    checkpoint: Checkpoint | None = None
    is_signed: bool = False
    witnesses: Sequence[Cosigned] = ()
    is_quorum_met: bool = False
    growth: Sequence[tuple[datetime, int]] = ()
    epochs: Sequence[EpochCard] = ()
    is_away: bool = False

    @property
    def root(self) -> str:
        """The root's hash in base64, as in the checkpoint."""
        return to_base64(self.checkpoint.root) if self.checkpoint else ""

    @property
    def policy(self) -> Policy:
        """What has to have signed a checkpoint."""
        return self.keys[-1].policy if self.keys else Policy()


@get("/transparency")
async def transparency(visit: Caller, receipt: QueryText = "") -> Page:
    """The page. receipt: id of an event whose receipt the browser shall fetch and check."""
    return await _page(visit, receipt=receipt[:EVENT_ID_CHARS_MAX])


@post("/transparency", status_code=200)
async def check_receipt(visit: Caller) -> Page:
    """Checks the posted file, for browsers that do not check it themselves."""
    form = await visit.request.form()
    posted = form.get("receipt")
    raw = await posted.read(RECEIPT_BYTES_MAX + 1) if isinstance(posted, UploadFile) else b""
    if not raw:
        return await _page(visit, 422, errors=[FormError("receipt", t("error.no_receipt"))])
    try:
        known = await checking.read_keys(visit.portal.logs)
        verdict = await checking.check(raw, visit.portal.logs, known)
    except Unavailable:
        return await _page(visit, 503, errors=[FormError("receipt", t("error.log_away"))])
    return await _page(visit, verdict=verdict)


async def _page(
    visit: Visit,
    status: int = 200,
    *,
    verdict: Verdict | None = None,
    receipt: str = "",
    errors: list[FormError] | None = None,
) -> Page:
    logs = visit.portal.logs
    disclosed = Disclosed(visit.portal.services)
    cards = await asyncio.gather(*(_card(logs, each, disclosed) for each in logs.services))
    address = visit.portal.settings.public_url.rstrip("/")
    return visit.page(
        "transparency.html",
        status,
        cards=cards,
        seen_at=visit.portal.clock.now(),
        verdict=verdict,
        said=sentence(verdict.entry) if verdict and verdict.entry else "",
        receipt=receipt,
        commands=_commands(address),
        pictures_of={each.service: _picture(visit, each) for each in cards},
        errors=errors or [],
    )


def _commands(address: str) -> list[tuple[str, str]]:
    """What each command does, by its place in the catalogue, and the command."""
    return [
        ("install", "pip install ./libs/kernel ./libs/record ./libs/ledger ./apps/auditor"),
        ("verify", f"cahier-audit verify {address}"),
        ("replay", f"cahier-audit replay {address} --at 2027-01-01T00:00:00Z"),
        ("recount", f"cahier-audit recount {address}"),
        ("fetch", f"curl {address}/tlog/budget/checkpoint"),
    ]


async def _card(logs: PublicLogs, service: str, disclosed: Disclosed) -> LogCard:
    try:
        keys, raw, growth, opened = await asyncio.gather(
            checking.keys_of(logs, service),
            logs.file(service, "checkpoint"),
            logs.growth(service),
            logs.past(service, "epochs"),
        )
        epochs = [await _epoch(entry, disclosed) for entry in opened.entries]
    except DomainError:
        return LogCard(service, is_away=True)
    points = [(_instant(at), leaves) for at, leaves in growth]
    card = LogCard(service, keys, growth=points, epochs=epochs)
    return _signed(card, raw) if raw and keys else card


def _signed(card: LogCard, raw: bytes) -> LogCard:
    """The card with what its checkpoint says; what does not verify is shown as not signed."""
    log = card.keys[-1]
    held: dict[str, Any] = {}
    try:
        checkpoint, note = parse_checkpoint(raw)
        held["checkpoint"] = checkpoint
        held["is_signed"] = checkpoint.origin == log.origin and bool(verified_by(note, log.vkeys))
        held["witnesses"] = checking.witnesses_of(log.policy, note)
        held["is_quorum_met"] = checking.is_witnessed(log.policy, note)
    except BadNote:
        held["is_signed"] = False
    return LogCard(card.service, card.keys, growth=card.growth, epochs=card.epochs, **held)


async def _epoch(entry: Entry, disclosed: Disclosed) -> EpochCard:
    reason = (await disclosed.of(entry)).get("reason")
    return EpochCard(entry, _lost(entry), t("word.erased") if reason == ERASED else reason)


def _lost(entry: Entry) -> int:
    lost = entry.data.get("lost", 0)
    return lost if isinstance(lost, int) else len(lost)


def _instant(cut: str) -> datetime:
    """The instant that RFC 3339 text cut off after month, day, hour or minute stands for."""
    return from_rfc3339(cut + "0000-01-01T00:00:00Z"[len(cut) :])


def _picture(visit: Visit, card: LogCard) -> Markup | None:
    if card.checkpoint is None or len(card.growth) < 2:
        return None
    zone = visit.portal.zone
    label = t(
        "transparency.growth_label",
        first=day_and_time(card.growth[0][0], zone),
        last=day_and_time(card.growth[-1][0], zone),
        entries=number(card.growth[-1][1]),
    )
    return pictures.growth_line(card.growth, label)


@get("/receipt/{event_id:str}")
async def receipt_page(visit: Caller, event_id: PathText) -> Answer:
    """A receipt in plain words: what it is of, what it proves, where to get it."""
    if len(event_id) > EVENT_ID_CHARS_MAX:
        raise NotFound("event_not_found", "no log has such an event")
    logs = visit.portal.logs
    entry = await logs.entry(event_id)
    if entry is None:
        raise NotFound("event_not_found", "no log has such an event")
    answer = await or_none(logs.receipt(entry.service, event_id))
    state = _STATES.get(answer.status, "pending") if answer is not None else "away"
    verdict = None
    if answer is not None and state == "ready":
        try:
            known = await checking.keys_of(logs, entry.service)
            verdict = await checking.check(answer.body, logs, known)
        except Unavailable:
            state = "away"
    thing = next(((kind, entry.data[name]) for kind, name in _PAGES if entry.data.get(name)), None)
    return visit.page(
        "receipt.html",
        entry=entry,
        said=sentence(entry),
        state=state,
        verdict=verdict,
        thing=thing,
        address=visit.portal.settings.public_url.rstrip("/"),
    )


# 200: the receipt is there. 202: its checkpoint is not yet. 410: lost with the log's last epoch.
_STATES = {200: "ready", 202: "pending", 410: "lost"}
