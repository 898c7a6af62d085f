"""Which language a request is answered in: what it asks for, what it chose before, what its
browser prefers, what the city speaks; in this order."""

from __future__ import annotations

from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from cahier_portal.catalogue import LANGUAGES

COOKIE = "cahier_lang"
COOKIE_S = 365 * 24 * 3600
PREFERENCES_MAX = 20


def asked_language(scope: MutableMapping[str, Any]) -> str:
    """The language in `?lang=`, or "" where none is asked for that the site speaks."""
    query = scope.get("query_string", b"")
    if b"lang=" not in query:
        return ""
    return _spoken(parse_qs(query.decode("latin-1")).get("lang", [""])[-1])


def language_of(scope: MutableMapping[str, Any], default: str) -> str:
    """The language to answer an ASGI request in; always one of LANGUAGES."""
    headers = dict(reversed(scope["headers"]))
    return (
        asked_language(scope)
        or _of_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        or preferred(headers.get(b"accept-language", b"").decode("latin-1"))
        or default
    )


def choice_cookie(language: str, *, secure: bool) -> bytes:
    """The Set-Cookie header that keeps a choice for a year. It says nothing about a person."""
    flags = f"Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=lax" + ("; Secure" if secure else "")
    return f"{COOKIE}={language}; {flags}".encode("ascii")


def preferred(accept: str) -> str:
    """The best of LANGUAGES by an Accept-Language header (RFC 9110, 12.5.4), or ""."""
    weighted = []
    for place, part in enumerate(accept.split(",")[:PREFERENCES_MAX]):
        tag, _, parameter = part.strip().partition(";")
        language = _spoken(tag.strip().lower().split("-")[0])
        thousandths = _thousandths(parameter)
        if language and thousandths > 0:
            weighted.append((-thousandths, place, language))
    return min(weighted)[2] if weighted else ""


def _thousandths(parameter: str) -> int:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1_000
    whole, _, rest = value.strip().partition(".")
    digits = f"{whole}{rest[:3]:0<3}"
    is_weight = name.strip() == "q" and digits.isascii() and digits.isdigit()
    return min(int(digits), 1_000) if is_weight else 0


def _of_cookie(header: str) -> str:
    if COOKIE not in header:
        return ""
    try:
        held = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return _spoken(held.value) if held is not None else ""


def _spoken(tag: str) -> str:
    return tag if tag in LANGUAGES else ""
