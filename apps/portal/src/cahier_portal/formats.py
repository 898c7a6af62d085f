"""How money, numbers and moments look to people, in the language of whoever reads them.

Patterns come from Unicode's CLDR by Babel. Amounts stay exact: whole cents become decimals, never
floats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from babel.units import format_unit
from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup

from cahier_kernel.clock import require_utc, to_rfc3339
from cahier_kernel.money import format_cents
from cahier_portal.catalogue import language, locale, t

_NO_BREAK_SPACE = "\u00a0"
_KEPT_MAX = 4_096
# English pages write dates as most of the world's English readers do: 22 November 2026.
_DATES = {"en": Locale.parse("en_GB")}


def money(cents: int, currency: str) -> str:
    """An amount for people: `€446,829.40`, `8 000 000 €`, `PLN 1,200`; whole amounts lose `.00`."""
    return _money(cents, currency, language())


@lru_cache(_KEPT_MAX)
def _money(cents: int, currency: str, spoken: str) -> str:
    known = Locale.parse(spoken)
    pattern = known.currency_formats["standard"].pattern
    if cents % 100 == 0:
        pattern = pattern.replace("0.00", "0")
    if get_currency_symbol(currency, known)[-1:].isalpha():
        # CLDR's own spacing rule: letters keep a distance from figures.
        pattern = pattern.replace("¤#", f"¤{_NO_BREAK_SPACE}#")
    return format_currency(
        Decimal(cents) / 100, currency, pattern, locale=known, currency_digits=False
    )


def number(value: int) -> str:
    """A whole number with thousands set apart: `4,532`, `4 532`."""
    return format_decimal(value, locale=locale())


def points(value: int, decimals: int) -> str:
    """Points for people, from units of 10^-decimals: `1,200`, `2.5`; `2,5` in French."""
    exact = Decimal(value).scaleb(-decimals)
    return format_decimal(exact, locale=locale(), decimal_quantization=False)


def amount_typed(cents: int) -> str:
    """An amount as one types it: no thousands apart, `446829.40`; `446829,40` in French."""
    text = format_cents(cents)
    return text.replace(".", ",") if language() == "fr" else text


def share(part: int, whole: int) -> str:
    """Part of a whole in percent, rounded down to a tenth: `33.3%`; of nothing it is `0%`.

    What is there but under a tenth is told as such, `< 0.1%`: nothing at all would be wrong.
    """
    thousandths = part * 1000 // whole if whole > 0 else 0
    is_tiny = thousandths == 0 < part and whole > 0
    pattern = locale().percent_formats[None].pattern.replace("0", "0.#", 1)
    text = format_percent(Decimal(thousandths or is_tiny) / 1000, pattern, locale=locale())
    return f"<{_NO_BREAK_SPACE}{text}" if is_tiny else text


def difference_percent(thousandths: int | None) -> str:
    """How much more or less than the whole so many thousandths are, for programs: `+4.5`, `-10.0`.

    "" for None.
    """
    if thousandths is None:
        return ""
    more = thousandths - 1000
    return f"{'-' if more < 0 else '+'}{abs(more) // 10}.{abs(more) % 10}"


def difference(thousandths: int) -> str:
    """The same for people: `+4.5%`; `-10 %` in French; `0%` where nothing differs."""
    pattern = locale().percent_formats[None].pattern.replace("0", "0.#", 1)
    more = Decimal(thousandths - 1000) / 1000
    return ("+" if more > 0 else "") + format_percent(more, pattern, locale=locale())


def per_mille(part: int, whole: int) -> int:
    """Part of a whole in thousandths, between 0 and 1000, for the lengths of bars."""
    return 0 if whole <= 0 else max(0, min(1000, part * 1000 // whole))


def instant(stamp: Timestamp) -> datetime:
    """The instant of a protobuf timestamp, in UTC."""
    return stamp.ToDatetime(UTC)


def day(moment: datetime, zone: ZoneInfo) -> str:
    """`22 November 2026`, `1er mai 2027`; in the city's zone."""
    return _day(require_utc(moment).astimezone(zone).date(), language())


@lru_cache(_KEPT_MAX)
def _day(date_: date, spoken: str) -> str:
    text = format_date(date_, "long", locale=_DATES.get(spoken) or spoken)
    # CLDR has no ordinal for the first of the month, and French says no other.
    return text.replace("1 ", "1er ", 1) if spoken == "fr" and date_.day == 1 else text


def plain_day(text: str) -> str:
    """A date that is written as YYYY-MM-DD, as people read it."""
    return _day(date.fromisoformat(text), language())


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """`22 November 2026 at 18:00 UTC`, in the city's zone."""
    local = require_utc(moment).astimezone(zone)
    return t(
        "format.day_and_time",
        day=day(moment, zone),
        time=format_time(local.time(), "short", locale=_DATES.get(language()) or language()),
        zone=local.tzname() or "",
    )


def exact(moment: datetime, zone: ZoneInfo) -> str:
    """As `day_and_time`, to the second."""
    local = require_utc(moment).astimezone(zone)
    return t(
        "format.day_and_time",
        day=day(moment, zone),
        time=format_time(local.time(), "medium", locale=_DATES.get(language()) or language()),
        zone=local.tzname() or "",
    )


def ends(moments: Sequence[datetime], zone: ZoneInfo) -> list[str]:
    """What stands below the ends of an axis of time: days, or times where it is all one day."""
    first, last = (require_utc(moments[place]).astimezone(zone) for place in (0, -1))
    if first.date() != last.date():
        return [day(first, zone), day(last, zone)]
    spoken = _DATES.get(language()) or language()
    begun, ended = (format_time(each.time(), "short", locale=spoken) for each in (first, last))
    if begun == ended:
        return [day_and_time(first, zone)]
    return [f"{day(first, zone)}, {begun}", ended]


def time_tag(moment: datetime, zone: ZoneInfo, *, with_time: bool = True) -> Markup:
    """A `<time>` element: what people read, with the exact instant for machines."""
    text = day_and_time(moment, zone) if with_time else day(moment, zone)
    return Markup('<time datetime="{}">{}</time>').format(to_rfc3339(moment), text)


def deadline_tag(moment: datetime, zone: ZoneInfo, *, with_time: bool = True) -> Markup:
    """As `time_tag`, for the end of something: what ends as a day begins ends the day before.

    `30 November 2026 at 24:00 UTC`, not `1 December 2026 at 00:00 UTC`: whoever reads only the
    date would else come a day too late.
    """
    if require_utc(moment).astimezone(zone).time() != time():
        return time_tag(moment, zone, with_time=with_time)
    eve = moment - timedelta(microseconds=1)
    text = day(eve, zone)
    if with_time:
        name = eve.astimezone(zone).tzname() or ""
        text = t("format.day_and_time", day=text, time="24:00", zone=name)
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
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % length == 0 and seconds >= length:
            return format_unit(seconds // length, f"duration-{unit}", locale=locale())
    return format_unit(seconds, "duration-second", locale=locale())


def rate(value: float) -> str:
    """A measured figure, such as events a second, to a hundredth: `12.25`, `12,25`."""
    return format_decimal(value, "#,##0.##", locale=locale())


def span(seconds: int) -> str:
    """About how long something has lasted, in its two largest units: `2 hours 5 minutes`."""
    parts: list[str] = []
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, length)
        if count or (unit == "second" and not parts):
            parts.append(format_unit(count, f"duration-{unit}", "short", locale=locale()))
    return " ".join(parts[:2])


def counting_order(label: str) -> list[tuple[int, int, str]]:
    """A key to sort labels as people count: `2 - Centre` before `10 - North`."""
    parts = re.split(r"([0-9]+)", label.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def pseudonym(author: str) -> str:
    """A pseudonym short enough to read: its first six characters."""
    return author[:6]


def paragraphs(text: str) -> list[list[str]]:
    """Plain text as paragraphs (parted by empty lines) of lines."""
    blocks = text.replace("\r\n", "\n").strip().split("\n\n")
    return [block.strip("\n").split("\n") for block in blocks if block.strip()]
