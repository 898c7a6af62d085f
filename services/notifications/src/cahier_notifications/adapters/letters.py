"""Writes letters from the catalogue: plain text and small HTML, in the follower's language.

A letter is a pure function of the mail: the same bytes and the same Message-ID at every try, so
that a mail which is handed over twice can be told for one. The way out stands in its head
(RFC 2369, RFC 8058) and in its text.
"""

from __future__ import annotations

import hashlib
import tomllib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
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

    def write(self, mail: WaitingMail, contact: ContactRow) -> Letter:
        texts = self._catalogues[contact.language]
        words = self._words(mail, texts, contact.language)
        message = EmailMessage(policy=SMTP)
        name = texts["frame"]["sender"].format(city=self._city)
        message["From"] = Address(display_name=name, addr_spec=self._sender)
        message["To"] = Address(addr_spec=contact.email)
        message["Subject"] = words["subject"]
        message["Date"] = from_rfc3339(mail.planned_at)
        digest = message_digest(mail.cause, mail.follow)
        message["Message-ID"] = f"<{digest}@{self._city}>"
        message["List-Unsubscribe"] = f"<{words['stop_page']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_plain(words), cte="quoted-printable")
        html = _HTML.format(**{name: escape(word) for name, word in words.items()})
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        # After the bodies, which would take it along into the first of them.
        message["Content-Language"] = contact.language
        message.set_boundary(f"=={digest[:40]}==")
        return Letter(contact.email, message.as_bytes(policy=_UNFOLDED))

    def _words(self, mail: WaitingMail, texts: dict[str, Any], language: str) -> dict[str, str]:
        letter = texts["letter"][mail.letter]
        params = {"amount": _amount(mail.params, texts["number"])}
        words = {key: word.format(city=self._city) for key, word in texts["frame"].items()}
        return {
            **words,
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
