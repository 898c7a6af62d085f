"""Writes letters from the catalogue: plain text and small HTML, in the follower's language.

A letter is a pure function of the mail and of its reader's address and language: every try has the
same Message-ID, so that a mail which is handed over twice can be told for one, and the same bytes
as long as the reader has not chosen otherwise meanwhile. The way out stands in its head (RFC 2369,
RFC 8058) and in its text.

Python's mail package takes 2 ms to put a letter together, the same few heads each time. It folds
those once; the rest, all of it ASCII of known form, is joined here.
"""

from __future__ import annotations

import binascii
import hashlib
import tomllib
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any

from cahier_kernel.clock import from_rfc3339
from cahier_notifications.application.ports import (
    ContactRow,
    Letter,
    Unsubscribing,
    WaitingMail,
)
from cahier_notifications.domain.follows import LANGUAGES, Thing, ThingKind

_UNFOLDED = SMTP.clone(max_line_length=320)
"""Heads on one line each: programs that look for the way out often do not unfold it."""
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_PAGES = {
    ThingKind.PROPOSAL: "/proposals/",
    ThingKind.ELECTION: "/budgets/",
    ThingKind.PROCESS: "/processes/",
    ThingKind.REPORT: "/reports/",
}
_HTML = """\
<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{subject}</title></head>
<body>
<p>{greeting}</p>
<p>{text}</p>
<p>{link}<br><a href="{page}">{page}</a></p>
<hr>
<p><small>{why} <a href="{stop_page}">{stop_link}</a></small></p>
</body>
</html>
"""


class CatalogueLetters:
    """ports.Letters from locales/*.toml."""

    def __init__(
        self, city: str, portal_url: str, sender: str, unsubscribing: Unsubscribing
    ) -> None:
        """portal_url: of the city's pages, without a slash at its end. sender: the address."""
        self._city = city
        self._portal_url = portal_url
        self._sender = sender
        self._unsubscribing = unsubscribing
        self._catalogues = {language: catalogue(language) for language in LANGUAGES}
        self._frames = {
            language: {key: word.format(city=city) for key, word in texts["frame"].items()}
            for language, texts in self._catalogues.items()
        }

    def write(self, mail: WaitingMail, contact: ContactRow) -> Letter:
        words = self._words(mail, contact.language)
        digest = message_digest(mail.cause, mail.follow)
        boundary = f"=={digest[:40]}=="
        heads = (
            self._from(contact.language),
            f"To: {_sendable(contact.email)}",
            _folded("Subject", words["subject"]),
            f"Date: {format_datetime(from_rfc3339(mail.planned_at))}",
            f"Message-ID: <{digest}@{self._city}>",
            f"List-Unsubscribe: <{words['stop_page']}>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/alternative; boundary="{boundary}"',
            f"Content-Language: {contact.language}",
        )
        html = _HTML.format(**{name: escape(word) for name, word in words.items()})
        parts = (_part("plain", _plain(words)), _part("html", html))
        body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
        text = "\r\n".join(heads) + f"\r\n\r\n{body}--{boundary}--\r\n"
        return Letter(contact.email, text.encode("ascii"))

    def _from(self, language: str) -> str:
        name = self._frames[language]["sender"]
        return _folded("From", str(Address(display_name=name, addr_spec=self._sender)))

    def _words(self, mail: WaitingMail, language: str) -> dict[str, str]:
        texts = self._catalogues[language]
        letter = texts["letter"][mail.letter]
        params = {"amount": _amount(mail.params, texts["number"])}
        return {
            **self._frames[language],
            "language": language,
            "subject": letter["subject"],
            "text": letter["text"].format(**params),
            "page": self._page(mail.about),
            "stop_page": f"{self._portal_url}/unsubscribe?token="
            + self._unsubscribing.token(mail.follow),
        }

    def _page(self, about: Thing) -> str:
        return f"{self._portal_url}{_PAGES[about.kind]}{about.id}"


def catalogue(language: str) -> dict[str, Any]:
    """The sentences of one language."""
    file = files("cahier_notifications") / "locales" / f"{language}.toml"
    return tomllib.loads(file.read_text("utf-8"))


def message_digest(cause: str, follow: str) -> str:
    """The Message-ID's own part: SHA-256 of the event's and the follow's id, in hex."""
    return hashlib.sha256(f"{cause}\0{follow}".encode()).hexdigest()


@lru_cache(maxsize=256)
def _folded(name: str, value: str) -> str:
    """A head as RFC 2047 has it, without the line's end."""
    head: str = _UNFOLDED.header_factory(name, value).fold(policy=_UNFOLDED)
    return head.removesuffix("\r\n")


def _sendable(address: str) -> str:
    """The address as it stands; raises ValueError for one that would begin another line."""
    if not (address.isascii() and address.isprintable()):
        raise ValueError("an address that is not one line of ASCII")
    return address


def _part(kind: str, text: str) -> str:
    """One of the two bodies, quoted-printable (RFC 2045)."""
    quoted = binascii.b2a_qp(text.replace("\n", "\r\n").encode(), istext=True).decode("ascii")
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{quoted}"
    )


def _plain(words: dict[str, str]) -> str:
    return (
        f"{words['greeting']}\n\n{words['text']}\n\n{words['link']}\n{words['page']}\n\n"
        f"-- \n{words['why']}\n{words['stop']}\n{words['stop_page']}\n"
    )


def _amount(params: dict[str, str], signs: dict[str, str]) -> str:
    """Money in the reader's way, from `cents` and `currency`; "" for letters without money."""
    if "cents" not in params:
        return ""
    whole, cents = divmod(int(params["cents"]), 100)
    grouped = f"{whole:,}".replace(",", signs["group"])
    decimals = f"{signs['decimal']}{cents:02d}" if cents else ""
    return f"{grouped}{decimals}{_NO_BREAK_SPACE}{params['currency']}".strip()
