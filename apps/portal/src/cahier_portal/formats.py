"""How money, numbers and moments look to people, in one place and in whole numbers only."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup

from cahier_kernel.clock import require_utc, to_rfc3339
from cahier_portal.catalogue import messages, t, tn

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_NO_BREAK_SPACE = "\u00a0"


def money(cents: int, currency: str) -> str:
    """An amount for people: `€446,829.40`, `€8,000,000`, `PLN 1,200`; whole amounts lose `.00`."""
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    whole, rest = divmod(cents, 100)
    amount = f"{whole:,}" + (f".{rest:02d}" if rest else "")
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{amount}" if symbol else f"{sign}{currency}{_NO_BREAK_SPACE}{amount}"


def number(value: int) -> str:
    """A whole number with thousands set apart: `4,532`."""
    return f"{value:,}"


def share(part: int, whole: int) -> str:
    """Part of a whole in percent, rounded down to a tenth: `33.3 %`; of nothing it is `0 %`."""
    if whole <= 0:
        return f"0{_NO_BREAK_SPACE}%"
    per_mille = part * 1000 // whole
    tenth = f".{per_mille % 10}" if per_mille % 10 else ""
    return f"{per_mille // 10}{tenth}{_NO_BREAK_SPACE}%"


def per_mille(part: int, whole: int) -> int:
    """Part of a whole in thousandths, between 0 and 1000, for the lengths of bars."""
    return 0 if whole <= 0 else max(0, min(1000, part * 1000 // whole))


def instant(stamp: Timestamp) -> datetime:
    """The instant of a protobuf timestamp, in UTC."""
    return stamp.ToDatetime(UTC)


def day(moment: datetime, zone: ZoneInfo) -> str:
    """`22 November 2026`, in the city's zone."""
    local = require_utc(moment).astimezone(zone)
    month = messages()[f"month.m{local.month:02d}"]
    return t("format.day", day=local.day, month=month, year=local.year)


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """`22 November 2026 at 18:00 UTC`, in the city's zone."""
    local = require_utc(moment).astimezone(zone)
    return t(
        "format.day_and_time",
        day=day(moment, zone),
        time=local.strftime("%H:%M"),
        zone=local.tzname() or "",
    )


def time_tag(moment: datetime, zone: ZoneInfo, *, with_time: bool = True) -> Markup:
    """A `<time>` element: what people read, with the exact instant for machines."""
    text = day_and_time(moment, zone) if with_time else day(moment, zone)
    return Markup('<time datetime="{}">{}</time>').format(to_rfc3339(moment), text)


def local_input(moment: datetime, zone: ZoneInfo) -> str:
    """The value of an `<input type="datetime-local">`: `2026-11-22T18:00`."""
    return require_utc(moment).astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def from_local_input(text: str, zone: ZoneInfo) -> datetime:
    """The instant that a `datetime-local` input says; raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("a local date and time has no offset")
    return moment.replace(tzinfo=zone).astimezone(UTC)


def duration(seconds: int) -> str:
    """A span in the largest unit that fits it whole: `2 days`, `45 minutes`."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds % length == 0 and seconds >= length:
            return tn(f"format.{unit}", seconds // length)
    return tn("format.seconds", seconds)


def pseudonym(author: str) -> str:
    """A pseudonym short enough to read: its first six characters."""
    return author[:6]


def paragraphs(text: str) -> list[list[str]]:
    """Plain text as paragraphs (parted by empty lines) of lines."""
    blocks = text.replace("\r\n", "\n").strip().split("\n\n")
    return [block.strip("\n").split("\n") for block in blocks if block.strip()]
