"""Which private events become public, as which events of the record, and which texts go apart.

A person's id never leaves here; free text and the exact place leave as disclosures only. The id of
a public event is derived from its place in its stream, so that an answer can be given, and kept
for a repeated request, in the transaction that stores the event.
"""

from __future__ import annotations

from uuid import UUID

from cahier_kernel.clock import to_rfc3339
from cahier_kernel.ids import derived_uuid
from cahier_ledger.aggregates import Publication
from cahier_record.events import PublicEvent
from cahier_record.places import Position
from cahier_record.reporting import events as public
from cahier_reporting.application.stored import AggregateEvent
from cahier_reporting.domain.category import Category
from cahier_reporting.domain.report import Report

SERVICE = "reporting"

Told = tuple[PublicEvent, dict[str, str]]


def event_id(key: UUID, version: int) -> str:
    """The id of the public event at `version` of the stream that belongs to `key`."""
    return str(derived_uuid("reporting.event", str(key), str(version)))


def publish(event: AggregateEvent, aggregate_id: UUID) -> Publication:
    """What the public learns of an aggregate's event; raises TypeError for an unknown one."""
    told, texts = _told(event, str(aggregate_id))
    return Publication(
        told.TYPE, told.data(), texts, event_id(aggregate_id, event.originator_version)
    )


def _told(event: AggregateEvent, key: str) -> Told:
    match event:
        case Category.Created() | Category.Redefined():
            defined = public.CategoryDefined(
                category=event.code,
                department=event.department,
                promise_days=event.promise_days,
                anonymous=event.anonymous,
            )
            return defined, {"label": event.label}
        case Report.Created():
            return _told_of_receipt(event, key)
        case Report.Routed():
            routed = public.ReportRouted(report=key, department=event.department)
            return routed, {"reason": event.reason}
        case Report.Answered():
            return public.ReportAnswered(report=key, state=event.state), {"text": event.text}
        case Report.Closed():
            closed = public.ReportClosed(
                report=key,
                state=event.state,
                duplicate_of=str(event.duplicate_of) if event.duplicate_of else "",
            )
            return closed, {"text": event.text}
        case Report.PromiseMissed():
            return public.PromiseMissed(report=key, answer_by=to_rfc3339(event.answer_by)), {}
        case _:
            raise TypeError(f"{type(event).__qualname__} has no public form")


def _told_of_receipt(event: Report.Created, key: str) -> Told:
    texts = {"description": event.description}
    if event.address:
        texts["address"] = event.address
    lat_e2, lon_e2 = None, None
    position = Position.of_text(event.position)
    if position is not None:
        lat_e2, lon_e2 = position.cell
        texts["position"] = event.position
    received = public.ReportReceived(
        report=key,
        category=event.category,
        department=event.department,
        state="unconfirmed",
        lat_e2=lat_e2,
        lon_e2=lon_e2,
        reporter=event.pseudonym,
        answer_by=to_rfc3339(event.answer_by) if event.answer_by else "",
    )
    return received, texts
