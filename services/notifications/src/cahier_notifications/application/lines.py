"""Conversations with the mail server, kept open for several mails and for the next round.

To greet and to take leave costs more than a mail. A conversation is given up after a number of
mails, as many servers do by themselves, and whenever one of its mails ended unclearly.
"""

from __future__ import annotations

from contextlib import suppress

from cahier_notifications.application.ports import (
    Letter,
    MailRefused,
    MailServer,
    MailSession,
    ServerAway,
)

LINE_MAILS_MAX = 100


class Line:
    """One conversation after the other; one mail at a time."""

    def __init__(self, server: MailServer, session: MailSession) -> None:
        self._server = server
        self._session = session
        self._mails = 0

    async def hand_over(self, letter: Letter) -> None:
        """As MailSession.hand_over. A server that has had enough of this conversation, which is
        no failure, is called again once: it has taken nothing.
        """
        if self._mails >= LINE_MAILS_MAX:
            await self._begin_again()
        try:
            await self._try(letter)
        except ServerAway:
            if not self._mails:
                raise
            await self._begin_again()
            await self._try(letter)

    async def answers(self) -> bool:
        """Whether the server is still there."""
        return await self._session.answers()

    async def close(self) -> None:
        """Takes leave. Safe to call twice; never raises."""
        await self._session.close()

    async def _try(self, letter: Letter) -> None:
        try:
            await self._session.hand_over(letter)
        except MailRefused:
            self._mails += 1
            raise
        self._mails += 1

    async def _begin_again(self) -> None:
        await self._session.close()
        self._session = await self._server.connect()
        self._mails = 0


class Lines:
    """The lines that nobody uses at the moment."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._idle: list[Line] = []

    async def take(self) -> Line:
        """A line on which the server answers; raises ServerAway."""
        while self._idle:
            line = self._idle.pop()
            if await line.answers():
                return line
            await line.close()
        return Line(self._server, await self._server.connect())

    def give_back(self, line: Line) -> None:
        """For the next one; only what ended clearly."""
        self._idle.append(line)

    async def close(self) -> None:
        """Ends all that are idle."""
        with suppress(IndexError):
            while True:
                await self._idle.pop().close()
