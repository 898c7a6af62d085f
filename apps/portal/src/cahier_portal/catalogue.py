"""Every sentence that people read comes from here, so that a second language is a second file.

A catalogue is a TOML file of nested tables; a message's key is the path to it, `home.title`.
Messages are plain text with `{named}` places, never HTML. A message that depends on a number is a
table with `one` and `other`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from cahier_kernel.errors import DomainError, Kind

LOCALE_DEFAULT = "en"
_FOLDER = Path(__file__).parent / "locales"


@cache
def messages(locale: str = LOCALE_DEFAULT) -> dict[str, str]:
    """All messages of a locale by key; raises FileNotFoundError for an unknown locale."""
    tables = tomllib.loads((_FOLDER / f"{locale}.toml").read_text("utf-8"))
    return dict(_flat("", tables))


def t(key: str, **params: Any) -> str:
    """The message of a key with its places filled; raises KeyError for an unknown key."""
    return messages()[key].format(**params)


def tn(key: str, number: int, **params: Any) -> str:
    """As `t`, in the form that goes with a whole number, which fills the place `{n}`."""
    form = "one" if number == 1 else "other"
    return messages()[f"{key}.{form}"].format(n=f"{number:,}", **params)


def error_sentence(error: DomainError) -> str:
    """What a refusal means to the person who caused it.

    The code's own message, else one for its kind where the rule would not help, else the rule.
    """
    known = messages().get(f"error.{error.code}")
    if known is not None:
        try:
            return known.format(**error.params)
        except KeyError:
            pass
    if error.kind is Kind.UNAVAILABLE:
        return t("error.kind_unavailable")
    return _sentence(error.rule) or t("error.kind_unknown")


def _sentence(rule: str) -> str:
    return (
        rule[:1].upper() + rule[1:] + ("" if rule.endswith((".", "!", "?")) else ".") * bool(rule)
    )


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(f"{prefix}{name}.", value)
        else:
            found.append((prefix + name, value))
    return found
