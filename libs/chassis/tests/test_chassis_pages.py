from __future__ import annotations

import base64

import pytest

from cahier_chassis.pages import NUMBER_MAX, PAGE_SIZE_MAX, checked_size, make_token, read_token
from cahier_kernel.errors import Invalid


def test_a_token_is_read_as_it_was_made() -> None:
    assert read_token(make_token("p", 7, NUMBER_MAX), "p", 2) == [7, NUMBER_MAX]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "é",
        make_token("q", 1),
        make_token("p", 1, 2),
        make_token("p"),
        make_token("p", -1),
        make_token("p", NUMBER_MAX + 1),
        base64.urlsafe_b64encode(b'["p", true]').decode(),
        base64.urlsafe_b64encode(b'["p", 1.5]').decode(),
        base64.urlsafe_b64encode(b"7").decode(),
        base64.urlsafe_b64encode(b"[" * 120).decode(),
    ],
)
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match="page_token_malformed"):
        read_token(token, "p", 1)


def test_a_page_has_the_size_that_is_asked_for_within_bounds() -> None:
    assert [checked_size(asked, 50) for asked in (0, 1, PAGE_SIZE_MAX)] == [50, 1, PAGE_SIZE_MAX]
    for asked in (-1, PAGE_SIZE_MAX + 1):
        with pytest.raises(Invalid, match="page_size_out_of_range"):
            checked_size(asked, 50)
