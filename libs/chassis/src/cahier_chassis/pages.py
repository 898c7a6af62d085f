"""Pages of long lists: their size, and tokens that say after which row the next page begins.

A token is opaque to callers: the list's kind and the numbers of the last row's key, so that rows
that come or go between two pages are never shown twice.
"""

from __future__ import annotations

import json

from cahier_kernel import base64url
from cahier_kernel.errors import Invalid

PAGE_SIZE_MAX = 200
TOKEN_CHARS_MAX = 200
NUMBER_MAX = 2**62


def checked_size(asked: int, default: int) -> int:
    """The size to use, 0 standing for the default; raises Invalid `page_size_out_of_range`."""
    if not 0 <= asked <= PAGE_SIZE_MAX:
        raise Invalid("page_size_out_of_range", f"1 to {PAGE_SIZE_MAX}, or 0", field="page_size")
    return asked or default


def make_token(kind: str, *numbers: int) -> str:
    """A token that `read_token` of the same kind reads."""
    return base64url.encode(json.dumps([kind, *numbers]).encode())


def read_token(token: str, kind: str, count: int) -> list[int]:
    """The numbers in a token of the same kind; raises Invalid `page_token_malformed`."""
    found_kind: object
    numbers: list[int]
    try:
        found_kind, *numbers = json.loads(base64url.decode(token[:TOKEN_CHARS_MAX]))
    except (ValueError, TypeError, RecursionError):
        found_kind, numbers = "", []
    in_range = all(type(each) is int and 0 <= each <= NUMBER_MAX for each in numbers)
    if found_kind != kind or len(numbers) != count or not in_range:
        raise Invalid(
            "page_token_malformed", "not a token of the last page's answer", field="page_token"
        )
    return numbers
