"""Checks of what people type. Each refusal names the request's field and the rule."""

from __future__ import annotations

import re
import unicodedata

from cahier_kernel.errors import Invalid

EMAIL_CHARS_MAX = 254
EMAIL_LOCAL_CHARS_MAX = 64
DISPLAY_NAME_CHARS_MAX = 80
PASSWORD_CHARS_MIN = 10
PASSWORD_CHARS_MAX = 200
SOURCE_CHARS_MAX = 200
REFERENCE_CHARS_MAX = 100
RESIDENTS_A_CALL_MAX = 1_000
_EMAIL = re.compile(r"([^@\s]+)@([^@\s.]+(?:\.[^@\s.]+)*)")


def checked_email(text: str) -> str:
    """The address in the one form in which addresses are compared and kept; see normal_email."""
    address = normal_email(text)
    match = _EMAIL.fullmatch(address)
    fits = match is not None and len(match[1]) <= EMAIL_LOCAL_CHARS_MAX
    if not fits or len(text) > EMAIL_CHARS_MAX or not address.isprintable():
        raise Invalid(
            "email_malformed",
            f"an e-mail address is local@domain, at most {EMAIL_CHARS_MAX} characters",
            field="email",
        )
    return address


def normal_email(text: str) -> str:
    """Without blanks around it, NFKC and case-folded: two spellings of one address are equal."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def checked_display_name(text: str) -> str:
    """The name without blanks around it."""
    return checked_text(text, "display_name", DISPLAY_NAME_CHARS_MAX)


def checked_password(text: str) -> str:
    """The password as it is: blanks and any script count."""
    if not PASSWORD_CHARS_MIN <= len(text) <= PASSWORD_CHARS_MAX:
        raise Invalid(
            "password_length",
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters",
            field="password",
            min=PASSWORD_CHARS_MIN,
            max=PASSWORD_CHARS_MAX,
        )
    return text


def checked_text(text: str, field: str, chars_max: int) -> str:
    """One line of 1 to chars_max printable characters, without blanks around it."""
    line = text.strip()
    if not 1 <= len(line) <= chars_max or not line.isprintable():
        raise Invalid(
            f"{field}_malformed",
            f"1 to {chars_max} printable characters on one line",
            field=field,
            max=chars_max,
        )
    return line


def checked_count(count: int, field: str) -> None:
    """Refuses an empty list and one that is longer than a call may carry."""
    if not 1 <= count <= RESIDENTS_A_CALL_MAX:
        raise Invalid(
            f"{field}_count",
            f"1 to {RESIDENTS_A_CALL_MAX} a call",
            field=field,
            max=RESIDENTS_A_CALL_MAX,
        )
