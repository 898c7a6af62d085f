"""Money is an integer number of cents with its currency beside it; never a float."""

from __future__ import annotations

import re

CENTS_MAX = 10**15
_AMOUNT = re.compile(r"(-?)(\d{1,13})(?:\.(\d{1,2}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")


def parse_cents(text: str) -> int:
    """Cents of a decimal amount such as `446829.4`; raises ValueError for anything else.

    No thousands separators, no exponent, at most two decimals, at most 13 digits before them.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a decimal amount with at most two decimals: {text!r}")
    sign, whole, fraction = match.groups()
    cents = int(whole) * 100 + int((fraction or "").ljust(2, "0"))
    return -cents if sign else cents


def format_cents(cents: int) -> str:
    """The shortest decimal of an amount: `446829.4`, `4000`, `-0.05`."""
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    whole, rest = divmod(cents, 100)
    return f"{sign}{whole}" + (f".{rest:02d}".rstrip("0") if rest else "")


def is_currency(code: str) -> bool:
    """Whether `code` has the form of an ISO 4217 code."""
    return _CURRENCY.fullmatch(code) is not None
