"""Exact numbers from decimal text: a cost read as a float could decide an election wrongly."""

from __future__ import annotations

import re
from fractions import Fraction

DIGITS_MAX = 30
_DECIMAL = re.compile(rf"[+-]?[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,{DIGITS_MAX}}})?")
_WHOLE = re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}")


def parse_decimal(text: str) -> Fraction:
    """The exact value of `446829.4`; blanks around it are ignored.

    Raises ValueError, with the rule as its text, for an empty text, thousands separators, exponents
    and anything else that is not digits with at most one decimal point.
    """
    trimmed = text.strip()
    if not trimmed:
        raise ValueError("must not be empty")
    if _DECIMAL.fullmatch(trimmed) is None:
        raise ValueError(f"must be a plain decimal number such as 446829.4, not {shown(text)}")
    return Fraction(trimmed)


def parse_amount(text: str) -> Fraction:
    """As parse_decimal, for money: raises ValueError for a negative amount too."""
    amount = parse_decimal(text)
    if amount < 0:
        raise ValueError(f"must not be negative, but is {shown(text)}")
    return amount


def parse_count(text: str) -> Fraction:
    """A count such as `199`; raises ValueError for anything but digits."""
    trimmed = text.strip()
    if _WHOLE.fullmatch(trimmed) is None:
        raise ValueError(f"must be a whole number, not {shown(text)}")
    return Fraction(trimmed)


def cents(amount: Fraction) -> int:
    """Whole cents of an amount in units of the currency; raises ValueError for finer amounts."""
    hundredfold = amount * 100
    if hundredfold.denominator != 1:
        raise ValueError(f"{format_decimal(amount)} is finer than a cent")
    return hundredfold.numerator


def decimals_of(amount: Fraction) -> int:
    """How many decimals the exact decimal form of `amount` has.

    Raises ValueError when it has none; sums of parsed decimals always have one.
    """
    for decimals in range(DIGITS_MAX + 1):
        if 10**decimals % amount.denominator == 0:
            return decimals
    raise ValueError(f"{amount} has no decimal form of at most {DIGITS_MAX} decimals")


def format_decimal(amount: Fraction) -> str:
    """The shortest decimal form: `446829.4`, `4000`, `-0.05`."""
    decimals = decimals_of(amount)
    scaled = amount * 10**decimals
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(scaled.numerator), 10**decimals)
    return f"{sign}{whole}" + (f".{rest:0{decimals}d}" if decimals else "")


def shown(text: str, length_max: int = 60) -> str:
    """A value as an error message may quote it: on one line, and never longer than it helps."""
    return repr(text if len(text) <= length_max else text[: length_max - 1] + "…")
