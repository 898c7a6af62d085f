"""The two ways into a witness: HTTP (C2SP tlog-witness), and the same bytes over NATS.

Neither knows what the bytes mean; both bound what they take. Over NATS the status and the content
type travel as headers of the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from cahier_ledger.log.note import BadNote
from cahier_ledger.log.witness import REQUEST_BYTES_MAX, TEXT, Answer, Witness

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

ADD_CHECKPOINT = "/add-checkpoint"
KEY = "/key"
BODY_TIMEOUT_S = 10.0
STATUS_HEADER = "Tlog-Status"
CONTENT_TYPE_HEADER = "Content-Type"
QUEUE = "cahier-witness"
PENDING_MESSAGES_MAX = 256

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answered = Callable[[int], None]
"""Told the status of each answer to a request for a cosignature."""


def not_told(status: int) -> None:
    """Nobody counts."""


class WitnessApp:
    """The ASGI application: `POST /add-checkpoint`, and `GET /key` for the witness' vkey.

    other: answers every other path, such as health; without it they are not found.
    """

    def __init__(
        self, witness: Witness, other: App | None = None, answered: Answered = not_told
    ) -> None:
        self._witness = witness
        self._other = other
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        asked = (scope["method"], scope["path"])
        if asked == ("POST", ADD_CHECKPOINT):
            await self._add_checkpoint(receive, send)
        elif scope["path"] == ADD_CHECKPOINT:
            await _respond(send, Answer(405, TEXT, b"POST only\n"))
        elif asked == ("GET", KEY):
            await _respond(send, Answer(200, TEXT, f"{self._witness.vkey}\n".encode()))
        elif self._other is not None:
            await self._other(scope, receive, send)
        else:
            await _respond(send, Answer(404, TEXT, b"not found\n"))

    async def _add_checkpoint(self, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                raw = await _body(receive)
        except TimeoutError:
            answer, unread = Answer(408, TEXT, b"the request took too long\n"), True
        except BadNote as error:
            answer, unread = Answer(400, TEXT, f"{error}\n".encode()), True
        else:
            answer, unread = await asyncio.to_thread(self._witness.add_checkpoint, raw), False
        self._answered(answer.status)
        await _respond(send, answer, close=unread)


async def answer_over_nats(
    client: Client, subject: str, witness: Witness, answered: Answered = not_told
) -> Subscription:
    """Answers requests on a subject, one after the other, until it is unsubscribed.

    Several processes of one witness share the subject, and the state.
    """

    async def on_request(message: Msg) -> None:
        if message.reply:
            answer = await asyncio.to_thread(witness.add_checkpoint, message.data)
            answered(answer.status)
            headers = {
                STATUS_HEADER: str(answer.status),
                CONTENT_TYPE_HEADER: answer.content_type,
            }
            await client.publish(message.reply, answer.body, headers=headers)

    return await client.subscribe(
        subject, queue=QUEUE, cb=on_request, pending_msgs_limit=PENDING_MESSAGES_MAX
    )


async def _body(receive: Receive) -> bytes:
    """The request's body; raises BadNote as soon as it is too long or breaks off."""
    raw = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadNote("the request broke off")
        raw += message.get("body", b"")
        if len(raw) > REQUEST_BYTES_MAX:
            raise BadNote(f"a request has at most {REQUEST_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            return bytes(raw)


async def _respond(send: Send, answer: Answer, *, close: bool = False) -> None:
    """close: ends the connection, so that the rest of an unread body is not taken in."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
