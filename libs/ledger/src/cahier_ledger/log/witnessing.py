"""The log's side of witnessing: asks the witnesses of its policy to cosign a checkpoint.

Witnesses are other people's machines: all are asked at once, each within the same bounds, and
what they answer counts only where it verifies. Whoever does not answer holds nobody else up.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.cosignature import check_cosignature
from cahier_ledger.log.merkle import ReadNode, consistency_proof
from cahier_ledger.log.note import BadNote, parse_decimal, parse_signatures
from cahier_ledger.log.policy import Policy, PolicyWitness
from cahier_ledger.log.witness import SIZE, TEXT, Answer, request_bytes
from cahier_ledger.log.witness_doors import ADD_CHECKPOINT, CONTENT_TYPE_HEADER, STATUS_HEADER

if TYPE_CHECKING:
    from nats.aio.client import Client

TIMEOUT_S = 5.0
PAUSE_FIRST_S = 1.0
PAUSE_MAX_S = 60.0
TRIES_MAX = 3
"""Asking at the size that we remember, at the one that it named, and once more if it moved."""
ANSWER_BYTES_MAX = 64 * 1024
NATS = "nats://"
_LOG = logging.getLogger(__name__)


class _Refused(Exception):
    """A witness gave no cosignature; the text says why."""


@dataclass
class _Asked:
    """What we remember of one witness.

    size: of the checkpoint that it cosigned last, as far as we know. pause_s: how long it is left
    alone after it kept us waiting, and until_s: when that ends, by the loop's clock.
    """

    witness: PolicyWitness
    size: int = 0
    refusal: str = ""
    pause_s: float = 0.0
    until_s: float = 0.0


class Witnesses:
    """The witnesses of one log's policy that have an address. Used by one task at a time.

    http: asks those at http(s)://, nats: those at nats://subject; either may be None, and then
    those witnesses are not reached. timeout_s: how long a `collect` may last in all.
    """

    def __init__(
        self,
        policy: Policy,
        http: httpx.AsyncClient | None,
        nats: Client | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._asked = [_Asked(each) for each in policy.witnesses if each.url]
        self._http = http
        self._nats = nats
        self._timeout_s = timeout_s

    @property
    def refusals(self) -> dict[str, str]:
        """Why each witness that gave no cosignature last time did not, by its name."""
        return {each.witness.name: each.refusal for each in self._asked if each.refusal}

    async def collect(self, checkpoint: str, read: ReadNode) -> list[str]:
        """The cosignature lines that the witnesses give for this checkpoint, verified, in order.

        read: the nodes of its tree; what it raises is raised here, once all have answered. Takes
        `timeout_s` at most. A witness that let it run out is left alone for a while, so that it
        does not slow every checkpoint.
        """
        parsed, note = parse_checkpoint(checkpoint)
        now_s = asyncio.get_running_loop().time()
        given = await asyncio.gather(
            *(
                self._ask(each, parsed, note.body, checkpoint, read)
                for each in self._asked
                if each.until_s <= now_s
            ),
            return_exceptions=True,
        )
        for each in given:
            if isinstance(each, BaseException):
                raise each
        return [str(line) for line in given if line]

    async def _ask(
        self, asked: _Asked, parsed: Checkpoint, body: str, text: str, read: ReadNode
    ) -> str:
        refusal, line = "", ""
        try:
            async with asyncio.timeout(self._timeout_s):
                line = await self._cosignature(asked, parsed, body, text, read)
            asked.size, asked.pause_s = parsed.size, 0.0
        except TimeoutError:
            asked.pause_s = min(max(2 * asked.pause_s, PAUSE_FIRST_S), PAUSE_MAX_S)
            asked.until_s = asyncio.get_running_loop().time() + asked.pause_s
            refusal = f"did not answer within {self._timeout_s:g} s"
        except (_Refused, BadNote) as error:
            refusal = str(error)
        if refusal and refusal != asked.refusal:
            _LOG.warning("no cosignature by the witness %s: it %s", asked.witness.name, refusal)
        asked.refusal = refusal
        return line

    async def _cosignature(
        self, asked: _Asked, parsed: Checkpoint, body: str, text: str, read: ReadNode
    ) -> str:
        for _ in range(TRIES_MAX):
            # It reads tiles, from a disk or a database: not while commands wait.
            proof = await asyncio.to_thread(consistency_proof, asked.size, parsed.size, read)
            answer = await self._send(asked.witness, request_bytes(asked.size, proof, text))
            if answer.status == 200:
                return _own_line(asked.witness, body, answer)
            size = _conflicting_size(answer)
            if size > parsed.size:
                raise _Refused(f"saw {size} leaves, more than there are: was the log rolled back?")
            if size == asked.size:
                raise _Refused(f"saw another root of {size} leaves: was the log forked?")
            asked.size = size
        raise _Refused(f"named another size {TRIES_MAX} times")

    async def _send(self, witness: PolicyWitness, request: bytes) -> Answer:
        if witness.url.startswith(NATS):
            return await self._send_nats(witness.url.removeprefix(NATS), request)
        return await self._send_http(witness.url, request)

    async def _send_http(self, url: str, request: bytes) -> Answer:
        if self._http is None:
            raise _Refused("is asked over HTTP, which is not at hand")
        headers = {"content-type": TEXT}
        target = url.rstrip("/") + ADD_CHECKPOINT
        try:
            # Only `collect` bounds the time: the client's own timeouts are for each read.
            async with self._http.stream(
                "POST", target, content=request, headers=headers, timeout=None
            ) as response:
                raw = b""
                async for part in response.aiter_bytes():
                    raw += part
                    if len(raw) > ANSWER_BYTES_MAX:
                        raise _Refused("answered too much")
                found = response.headers.get("content-type", "")
                return Answer(response.status_code, found, raw)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Refused(f"cannot be reached: {type(error).__name__}") from error

    async def _send_nats(self, subject: str, request: bytes) -> Answer:
        from nats import errors

        if self._nats is None:
            raise _Refused("is asked over NATS, which is not connected")
        try:
            reply = await self._nats.request(subject, request, timeout=self._timeout_s)
        except errors.TimeoutError:
            raise TimeoutError from None
        except errors.Error as error:
            raise _Refused(f"cannot be reached: {type(error).__name__}") from error
        headers = reply.headers or {}
        status = headers.get(STATUS_HEADER, "")
        if len(reply.data) > ANSWER_BYTES_MAX or not status.isascii() or not status.isdigit():
            raise _Refused("answered what is not an answer")
        return Answer(int(status[:3]), headers.get(CONTENT_TYPE_HEADER, ""), reply.data)


def _own_line(witness: PolicyWitness, body: str, answer: Answer) -> str:
    """The witness' own cosignature among what it answered; raises BadNote, _Refused."""
    try:
        signatures = parse_signatures(answer.body.decode())
    except UnicodeDecodeError:
        raise BadNote("answered what is not UTF-8") from None
    for each in signatures:
        if each.is_by(witness.vkey):
            check_cosignature(body, each, witness.vkey)
            return each.line()
    raise _Refused("answered without a cosignature of its own")


def _conflicting_size(answer: Answer) -> int:
    """The size that a 409 names; raises _Refused for every other answer."""
    if answer.status == 409 and answer.content_type.partition(";")[0].strip() == SIZE:
        try:
            return parse_decimal(answer.body.decode("ascii").removesuffix("\n"), "the size")
        except (UnicodeDecodeError, BadNote):
            raise _Refused("answered 409 without its size") from None
    raise _Refused(f"answered {answer.status}")
