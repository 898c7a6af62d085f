"""What data sets and columns mean, in the reader's language.

The English sentence stands with the column (sets.py, budget_sets.py), so that whoever adds one says
what it means; other languages have theirs by that sentence. Names of files, columns and values are
the same in every language: programs are written against them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from cahier_portal.catalogue import LANGUAGE_DEFAULT, language, typeset_french


def meaning_of(sentence: str) -> str:
    """The sentence in the reader's language; raises KeyError for one that is not translated."""
    return sentence if language() == LANGUAGE_DEFAULT else meanings(language())[sentence]


@cache
def meanings(chosen: str) -> dict[str, str]:
    """By the English sentence; raises FileNotFoundError for a language without a file."""
    file = Path(__file__).with_name(f"meanings.{chosen}.toml")
    typeset = typeset_french if chosen == "fr" else str
    found: dict[str, str] = tomllib.loads(file.read_text("utf-8"))
    return {sentence: typeset(text) for sentence, text in found.items()}
