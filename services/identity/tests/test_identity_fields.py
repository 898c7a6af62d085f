"""What may be typed into identity's fields."""

from __future__ import annotations

import pytest

from cahier_identity.domain import fields
from cahier_kernel.errors import Invalid


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "a@b..c", "a@.b", "a\n@b", "a\0@b.c"),
        *("a" * 65 + "@b.c", "a@" + "b" * 253, "a@b\u200bc"),
    ],
)
def test_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        fields.checked_email(text)
    assert (refused.value.code, refused.value.field) == ("email_malformed", "email")


def test_spellings_of_one_address_are_equal() -> None:
    spellings = [" Ada@Example.org", "ada@EXAMPLE.ORG ", "ａda@example.org"]
    assert {fields.checked_email(each) for each in spellings} == {"ada@example.org"}


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a" * 81, "\u202eabc"])
def test_a_display_name_is_one_printable_line(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        fields.checked_display_name(text)
    assert refused.value.field == "display_name"


def test_a_password_is_bounded_and_kept_as_it_is() -> None:
    assert fields.checked_password(" " * 10) == " " * 10
    for text in ("a" * 9, "a" * 201):
        with pytest.raises(Invalid) as refused:
            fields.checked_password(text)
        assert refused.value.code == "password_length"
