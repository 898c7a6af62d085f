"""Which characters people may send, and how many: one rule for every text that is stored.

Lengths are counted in Unicode code points. Texts are kept as they were given, never trimmed.
"""

from __future__ import annotations

import unicodedata

from cahier_kernel.errors import Invalid

ERASED = "[erased]"
"""What stands for a text that was erased, wherever it is read; who shows it says it in words."""

# Controls, halves of surrogate pairs, line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Overrides and isolates make a line read otherwise than it is stored (Unicode TR 36, 3.1).
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKS = frozenset("\n\r\t")


def require_line(text: str, field: str, *, chars_max: int, required: bool) -> str:
    """One line of printable text; when required, with a character that is not blank.

    Raises Invalid `text_too_long`, `text_required` or `text_unprintable`.
    """
    _require_length(text, field, chars_max, required)
    _require_printable(text, field, allowed=frozenset())
    return text


def require_text(text: str, field: str, *, chars_max: int, required: bool) -> str:
    """Plain text with line breaks and tabs; raises as `require_line`."""
    _require_length(text, field, chars_max, required)
    _require_printable(text, field, allowed=_LINE_BREAKS)
    return text


def _require_length(text: str, field: str, chars_max: int, required: bool) -> None:
    if len(text) > chars_max:
        raise Invalid(
            "text_too_long",
            f"at most {chars_max} characters",
            field=field,
            limit=chars_max,
            length=len(text),
        )
    if required and not text.strip():
        raise Invalid("text_required", "this must not be empty", field=field)


def _require_printable(text: str, field: str, allowed: frozenset[str]) -> None:
    for char in text:
        if char in allowed:
            continue
        if char in _BIDI_CONTROLS or unicodedata.category(char) in _FORBIDDEN_CATEGORIES:
            raise Invalid(
                "text_unprintable",
                "no control characters",
                field=field,
                character=f"U+{ord(char):04X}",
            )
