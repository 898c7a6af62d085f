"""A mail server for development: takes every mail, keeps it as a file, sends nothing anywhere.

`cahier up` has one where no real server is named, so that people and tests can read the city's
mails. It speaks real SMTP on loopback: the mails come in as they would at any server.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from cahier_notifications.application.ports import CapturedMail

HOST = "127.0.0.1"
KEPT_MAX = 5_000
MAIL_BYTES_MAX = 1 << 20
_DIGITS = 8
_parser = BytesParser(_class=EmailMessage, policy=policy.default)


class CapturedMails:
    """ports.Captured: a folder of numbered mails, the oldest leaving when there are too many."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._last = max(self._numbers(), default=0)

    def add(self, content: bytes) -> int:
        """Keeps a mail; answers its number. Blocks."""
        self._last += 1
        fresh = self._folder / "incoming.new"
        fresh.write_bytes(content)
        fresh.replace(self._file(self._last))
        if self._last > KEPT_MAX:
            self._file(self._last - KEPT_MAX).unlink(missing_ok=True)
        return self._last

    def newest(self, before: int, limit: int) -> list[CapturedMail]:
        numbers = sorted((n for n in self._numbers() if n < before), reverse=True)
        return [self._read(number) for number in numbers[:limit]]

    def forget(self, recipient: str) -> None:
        """Deletes the mails to one address. Blocks."""
        for number in self._numbers():
            if self._read(number).recipient == recipient:
                self._file(number).unlink(missing_ok=True)

    def count(self) -> int:
        return len(self._numbers())

    def _numbers(self) -> list[int]:
        names = os.listdir(self._folder)
        return [int(name[:-4]) for name in names if name.endswith(".eml") and name[:-4].isdigit()]

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:0{_DIGITS}d}.eml"

    def _read(self, number: int) -> CapturedMail:
        file = self._file(number)
        mail = _parser.parsebytes(file.read_bytes())
        return CapturedMail(
            number=number,
            received_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            recipient=str(mail["To"] or ""),
            subject=str(mail["Subject"] or ""),
            message_id=str(mail["Message-ID"] or ""),
            text=_part(mail, "plain"),
            html=_part(mail, "html"),
            unsubscribe_url=str(mail["List-Unsubscribe"] or "").strip("<>"),
            language=str(mail["Content-Language"] or ""),
        )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


class CaptureServer:
    """The SMTP side: on a free loopback port of this process's own event loop."""

    def __init__(self, mails: CapturedMails) -> None:
        self._mails = mails
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listens; answers the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", data_size_limit=MAIL_BYTES_MAX, loop=loop),
            HOST,
            0,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening. Safe to call twice."""
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook: the mail has come in whole."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        self._mails.add(raw)
        return "250 Kept"
