"""How long the texts of reporting may be, and what a code is."""

from __future__ import annotations

from cahier_kernel.errors import Invalid
from cahier_kernel.texts import require_line, require_text

CODE_CHARS_MAX = 60
LABEL_CHARS_MAX = 150
DEPARTMENT_CHARS_MAX = 80
ADDRESS_CHARS_MAX = 300
DESCRIPTION_CHARS_MAX = 4_000
ANSWER_CHARS_MAX = 5_000
REASON_CHARS_MAX = 2_000
PROMISE_DAYS_MAX = 365

__all__ = ["require_code", "require_line", "require_text"]


def require_code(text: str, field: str, *, chars_max: int) -> str:
    """A name for programs: one line that no blank begins or ends, so that equal codes look equal.

    Raises Invalid `code_padded`, and as texts.require_line.
    """
    require_line(text, field, chars_max=chars_max, required=True)
    if text != text.strip():
        raise Invalid("code_padded", "a code begins and ends with no blank", field=field)
    return text
