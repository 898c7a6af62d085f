from __future__ import annotations

import pytest

from cahier_kernel.errors import Invalid
from cahier_kernel.texts import require_line, require_text


def code_of(text: str, *, line: bool = True, required: bool = True) -> str:
    require = require_line if line else require_text
    try:
        require(text, "title", chars_max=5, required=required)
    except Invalid as refusal:
        return refusal.code
    return ""


def test_a_text_may_be_as_long_as_the_limit_in_code_points_and_no_longer() -> None:
    assert code_of("éàüß🚲") == ""
    assert code_of("123456") == "text_too_long"


def test_a_required_text_has_more_than_blanks() -> None:
    assert code_of("") == "text_required"
    assert code_of(" \u00a0") == "text_required"
    assert code_of("", required=False) == ""


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x7f", "\u2028", "\u202e", "\u2066"])
def test_controls_and_reversing_characters_are_refused_everywhere(char: str) -> None:
    assert code_of(f"a{char}") == "text_unprintable"
    assert code_of(f"a{char}", line=False) == "text_unprintable"


@pytest.mark.parametrize("char", ["\n", "\r", "\t"])
def test_line_breaks_stand_in_texts_only(char: str) -> None:
    assert code_of(f"a{char}b") == "text_unprintable"
    assert code_of(f"a{char}b", line=False) == ""
