"""Hands mails over by SMTP (RFC 5321), and tells whose fault a failure is.

A reply of 4xx or 5xx to a recipient or to the text is about that mail. A server that cannot be
reached, does not greet, refuses to sign in or refuses the city's own address is away, for all
mails. A line that drops, or a server that falls silent once a mail is begun, leaves open whether
the mail was taken: it is handed over again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiosmtplib

from cahier_notifications.application.ports import (
    HandOverUnsure,
    Letter,
    MailRefused,
    ServerAway,
)

QUIT_S_MAX = 2.0
ANSWER_S_MAX = 5.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_FOR_GOOD = 500
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where the mail server listens, and how to talk to it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    start_tls: bool = False

    @classmethod
    def parse(cls, url: str) -> SmtpAddress:
        """Reads `smtp://`, `smtp+starttls://` or `smtps://[user:password@]host[:port]`.

        Raises ValueError, without quoting the URL, which may hold a password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            host, port = None, 0
        if not host:
            raise ValueError("not smtp://, smtp+starttls:// or smtps://[user:password@]host[:port]")
        return cls(
            host,
            port,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "smtps",
            start_tls=parts.scheme == "smtp+starttls",
        )


class SmtpServer:
    """ports.MailServer."""

    def __init__(self, address: SmtpAddress, sender: str, timeout_s: float) -> None:
        """sender: the envelope's address. timeout_s: for each step of the conversation."""
        self._address = address
        self._sender = sender
        self._timeout_s = timeout_s

    async def connect(self) -> SmtpSession:
        at = self._address
        client = aiosmtplib.SMTP(
            hostname=at.host,
            port=at.port,
            username=at.username,
            password=at.password,
            use_tls=at.tls,
            start_tls=at.start_tls,
            timeout=self._timeout_s,
            local_hostname="localhost",
        )
        try:
            async with asyncio.timeout(3 * self._timeout_s):
                await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise ServerAway(_told(error)) from error
        return SmtpSession(client, self._sender, self._timeout_s)


class SmtpSession:
    """ports.MailSession on one connection."""

    def __init__(self, client: aiosmtplib.SMTP, sender: str, timeout_s: float) -> None:
        self._client = client
        self._sender = sender
        self._timeout_s = timeout_s

    async def hand_over(self, letter: Letter) -> None:
        if not self._client.is_connected:
            raise ServerAway("it closed the line between two mails")
        try:
            async with asyncio.timeout(3 * self._timeout_s):
                await self._client.sendmail(self._sender, [letter.recipient], letter.content)
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = max(refused.code for refused in error.recipients)
            raise MailRefused(code, for_good=code >= _FOR_GOOD) from error
        except aiosmtplib.SMTPSenderRefused as error:
            raise ServerAway(f"it refuses the sender ({error.code})") from error
        except aiosmtplib.SMTPResponseException as error:
            if error.code == _CLOSING:
                raise ServerAway("it closes the line (421)") from error
            raise MailRefused(error.code, for_good=error.code >= _FOR_GOOD) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            self._client.close()
            raise HandOverUnsure(_told(error)) from error

    async def answers(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._client.rset()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self._client.close()
            return False
        return True

    async def close(self) -> None:
        if not self._client.is_connected:
            return
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_S_MAX):
                await self._client.quit()
        self._client.close()


class NoServer:
    """ports.MailServer where no mail server is named: mails wait."""

    async def connect(self) -> SmtpSession:
        raise ServerAway("no mail server is set (SMTP_URL)")


def _told(error: Exception) -> str:
    """The kind of failure and the server's code; its words may quote an address."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if isinstance(code, int) else type(error).__name__
