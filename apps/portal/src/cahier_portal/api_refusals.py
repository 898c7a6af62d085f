"""How the JSON API refuses, declared once, so that its description tells what programs will get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import get
from litestar.openapi.datastructures import ResponseSpec

from cahier_portal.faults import PROBLEM_JSON


class Problem(msgspec.Struct, omit_defaults=True):
    """Problem details (RFC 9457). `code` is stable; `field` names what was wrong in the request."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""


_REFUSALS = {
    400: "A parameter is not of its type or beyond its bounds.",
    404: "There is no such thing.",
    409: "The thing is not that far yet, such as a result before it is published.",
    422: "A parameter's value was refused.",
    500: "The site failed.",
    503: "A service is away; ask again.",
}
_RESPONSES = {
    status: ResponseSpec(
        Problem, generate_examples=False, description=told, media_type=PROBLEM_JSON
    )
    for status, told in _REFUSALS.items()
}


def reads(path: str) -> Callable[[Any], Any]:
    """A GET of the API, described with every way in which it may refuse."""
    return get(path, responses=_RESPONSES)
