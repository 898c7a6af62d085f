"""Checks of single fields: each refuses with a stable code, the field and the rule."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cahier_kernel.errors import Invalid
from cahier_kernel.money import CENTS_MAX, is_currency

TITLE_CHARS_MAX = 150
TEXT_CHARS_MAX = 20_000
REASON_CHARS_MAX = 2_000
LABEL_CHARS_MAX = 120
REFERENCE_CHARS_MAX = 40
DISTRICTS_MAX = 200
EXTRA_BYTES_MAX = 4_096
_BREAKS = frozenset("\n\r\t")


def line(text: str, field: str, *, longest: int, required: bool = False) -> str:
    """One line of printable text, at most `longest` characters, without blanks around it.

    Raises Invalid `text_missing`, `text_too_long` or `text_unprintable`.
    """
    return _text(text, field, longest, required, breaks=False)


def prose(text: str, field: str, *, longest: int, required: bool = False) -> str:
    """As `line`, but line breaks and tabs may stand in it."""
    return _text(text, field, longest, required, breaks=True)


def _text(text: str, field: str, longest: int, required: bool, *, breaks: bool) -> str:
    if len(text) > longest:
        raise Invalid("text_too_long", f"at most {longest} characters", field=field, max=longest)
    allowed = _BREAKS if breaks else frozenset()
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in text):
        raise Invalid("text_unprintable", "no control characters", field=field)
    text = text.strip()
    if required and not text:
        raise Invalid("text_missing", "must not be empty", field=field)
    return text


def uuid(text: str, field: str) -> UUID:
    """A UUID in its usual form; raises Invalid `id_malformed`."""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text:
        raise Invalid("id_malformed", "a UUID in lower case with hyphens", field=field)
    return found


def cents(amount: int, field: str, *, least: int) -> int:
    """An amount from `least` to 10^15 cents; raises Invalid `amount_out_of_range`."""
    if not least <= amount <= CENTS_MAX:
        raise Invalid(
            "amount_out_of_range",
            f"{least} to {CENTS_MAX} cents",
            field=field,
            min=least,
            max=CENTS_MAX,
        )
    return amount


def currency(code: str) -> str:
    """An ISO 4217 code; raises Invalid `currency_malformed`."""
    if not is_currency(code):
        raise Invalid("currency_malformed", "an ISO 4217 code such as EUR", field="currency")
    return code


def districts(labels: Sequence[str]) -> tuple[str, ...]:
    """At most DISTRICTS_MAX labels, no two alike; raises Invalid."""
    if len(labels) > DISTRICTS_MAX:
        raise Invalid(
            "too_many_districts",
            f"at most {DISTRICTS_MAX} districts",
            field="districts",
            max=DISTRICTS_MAX,
        )
    checked = tuple(
        line(label, "districts", longest=LABEL_CHARS_MAX, required=True) for label in labels
    )
    if len(set(checked)) != len(checked):
        raise Invalid("district_doubled", "no two districts alike", field="districts")
    return checked


def dates(opens_at: datetime, closes_at: datetime) -> None:
    """Raises Invalid `closes_before_opening` unless voting closes after it opens."""
    if closes_at <= opens_at:
        raise Invalid("closes_before_opening", "voting closes after it opens", field="closes_at")


def extra_bytes(size: int) -> int:
    """0 to EXTRA_BYTES_MAX; raises Invalid `ballot_extra_out_of_range`."""
    if not 0 <= size <= EXTRA_BYTES_MAX:
        raise Invalid(
            "ballot_extra_out_of_range",
            f"0 to {EXTRA_BYTES_MAX} bytes",
            field="ballot_extra_bytes",
            max=EXTRA_BYTES_MAX,
        )
    return size


def json_object(text: str, field: str) -> str:
    """Empty, or the text of a JSON object; raises Invalid `source_malformed`."""
    text = prose(text, field, longest=TEXT_CHARS_MAX)
    if text:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Invalid("source_malformed", "a JSON object", field=field)
    return text
