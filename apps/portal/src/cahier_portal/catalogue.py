"""Every sentence that people read comes from here, in the language of whoever reads it.

A catalogue is a TOML file of nested tables, one file a language; a message's key is the path to
it, `home.title`. Messages are plain text with `{named}` places, never HTML. A message that depends
on a number is a table with one entry for each plural form of the language (CLDR), and `zero` where
nothing deserves a sentence of its own.

The language belongs to the request: `speaking` sets it around one, and concurrent requests do not
see each other's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

from cahier_kernel.errors import DomainError, Kind

LANGUAGE_DEFAULT = "en"
LANGUAGES = {"en": "English", "fr": "Français"}
"""The languages of the site, each by its own name."""

_FOLDER = Path(__file__).parent / "locales"
_SPOKEN: ContextVar[str] = ContextVar("language", default=LANGUAGE_DEFAULT)


def language() -> str:
    """The language of the request at hand: a key of LANGUAGES."""
    return _SPOKEN.get()


def locale() -> Locale:
    """What Unicode's CLDR knows of that language: numbers, money, plurals."""
    return _locale(language())


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Sets the language within; raises KeyError for one that the site does not speak."""
    if chosen not in LANGUAGES:
        raise KeyError(chosen)
    before = _SPOKEN.set(chosen)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


@cache
def messages(chosen: str = LANGUAGE_DEFAULT) -> dict[str, str]:
    """All messages of a language by key; raises FileNotFoundError for an unknown one."""
    tables = tomllib.loads((_FOLDER / f"{chosen}.toml").read_text("utf-8"))
    typeset = typeset_french if chosen == "fr" else str
    return {key: typeset(text) for key, text in _flat("", tables)}


def t(key: str, **params: Any) -> str:
    """The message of a key with its places filled; raises KeyError for an unknown key."""
    return messages(language())[key].format(**params)


def tn(key: str, number: int, **params: Any) -> str:
    """As `t`, in the form that goes with a whole number, which fills the place `{n}`."""
    known = messages(language())
    form = "zero" if number == 0 and f"{key}.zero" in known else locale().plural_form(number)
    return known[f"{key}.{form}"].format(n=format_decimal(number, locale=locale()), **params)


def knows(key: str) -> bool:
    """Whether there is a message of that key."""
    return key in messages(language())


def error_sentence(error: DomainError) -> str:
    """What a refusal means to the person who caused it.

    The code's own message, else one for its kind where the rule would not help, else the rule,
    which services write in English only.
    """
    known = messages(language()).get(f"error.{error.code}")
    if known is not None:
        try:
            return known.format(**error.params)
        except KeyError:
            pass
    if error.kind is Kind.UNAVAILABLE:
        return t("error.kind_unavailable")
    if language() != LANGUAGE_DEFAULT:
        return t("error.kind_unknown")
    return _sentence(error.rule) or t("error.kind_unknown")


def _sentence(rule: str) -> str:
    return (
        rule[:1].upper() + rule[1:] + ("" if rule.endswith((".", "!", "?")) else ".") * bool(rule)
    )


@cache
def _locale(chosen: str) -> Locale:
    return Locale.parse(chosen)


def typeset_french(text: str) -> str:
    """The text as French printers set it, typed with plain blanks."""
    # Lines never break before these marks: a thin no-break space before ;!? and a full one
    # before a colon and inside guillemets.
    text = re.sub(r" ([;!?])", "\u202f\\1", text)
    return text.replace(" :", "\u00a0:").replace("« ", "«\u00a0").replace(" »", "\u00a0»")


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(f"{prefix}{name}.", value)
        else:
            found.append((prefix + name, value))
    return found
