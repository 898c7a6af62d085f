"""What reporting says in public. All free text and the exact place are disclosed apart.

The place stands here as the cell of a grid of 0.01 degrees that holds it: `lat_e2` and `lon_e2`
are its south-western corner in hundredths of a degree (WGS 84), absent for reports by address
only. Reporters are pseudonyms made for the one report; absent where nobody signed in. Instants
are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Literal

from cahier_record import erasure, log
from cahier_record.events import PublicEvent, public_event

OpenState = Literal[
    "unconfirmed", "confirmed", "investigating", "planned", "in_progress", "action_scheduled"
]
Outcome = Literal["fixed", "unable_to_fix", "not_responsible", "duplicate", "internal_referral"]


@public_event("reporting.v1.category.category_defined")
class CategoryDefined(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of problem, new or with new values. Disclosed: label.

    promise_days: within how many days an answer is promised; 0 for no promise. anonymous: whether
    it may be reported without signing in.
    """

    category: str
    department: str
    promise_days: int = 0
    anonymous: bool = False


@public_event("reporting.v1.report.report_received")
class ReportReceived(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody reports a problem. Disclosed: description, address, position (`lat_e7,lon_e7`).

    answer_by: until when an answer is promised; absent without a promise.
    """

    report: str
    category: str
    department: str
    state: OpenState
    lat_e2: int | None = None
    lon_e2: int | None = None
    reporter: str = ""
    answer_by: str = ""


@public_event("reporting.v1.report.report_routed")
class ReportRouted(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Another department looks after it. Disclosed: reason."""

    report: str
    department: str


@public_event("reporting.v1.report.report_answered")
class ReportAnswered(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city says where it stands; after a closing it is open again. Disclosed: text."""

    report: str
    state: OpenState


@public_event("reporting.v1.report.report_closed")
class ReportClosed(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city says how it ended; after a closing this is the outcome. Disclosed: text.

    duplicate_of: the report that this one repeats, where one is named.
    """

    report: str
    state: Outcome
    duplicate_of: str = ""


@public_event("reporting.v1.report.promise_missed")
class PromiseMissed(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The promised time passed and the city had not answered."""

    report: str
    answer_by: str


@public_event("reporting.v1.erasure.content_erased")
class ContentErased(erasure.ContentErased, frozen=True, kw_only=True, omit_defaults=True):
    """The texts behind a leaf of this log were deleted."""


@public_event("reporting.v1.erasure.erasure_confirmed")
class ErasureConfirmed(erasure.ErasureConfirmed, frozen=True, kw_only=True, omit_defaults=True):
    """Reporting has deleted what it held on a person."""


@public_event("reporting.v1.log.epoch_opened")
class EpochOpened(log.EpochOpened, frozen=True, kw_only=True, omit_defaults=True):
    """This log began anew after a restore."""
