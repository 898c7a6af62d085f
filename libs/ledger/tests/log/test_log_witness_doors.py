import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from cahier_ledger.log import witness_doors
from cahier_ledger.log.cosignature import check_cosignature
from cahier_ledger.log.merkle import consistency_proof
from cahier_ledger.log.note import parse_signatures
from cahier_ledger.log.witness import REQUEST_BYTES_MAX, parse_request, request_bytes
from cahier_ledger.log.witness_doors import WitnessApp, answer_over_nats

SUBJECT = "witness.neighbour"


@pytest.fixture
def requests(log_key: Any, log_tree: Any, log_checkpoint: Any) -> list[bytes]:
    """One request for each answer: conflict, not found, forbidden, broken proof, fine, bad."""
    log, tree = log_key("a.example"), log_tree(20)

    def make(old: int, new: int, key: Any = log, proof: Any = None) -> bytes:
        hashes = consistency_proof(old, new, tree.read) if proof is None else proof
        return request_bytes(old, hashes, log_checkpoint(new, tree.root(new), key))

    return [
        make(3, 9),
        make(0, 9, log_key("b.example")),
        make(0, 9, log_key("a.example", number=1)),
        make(0, 9, proof=[bytes(32)]),
        make(0, 9),
        b"rubbish",
    ]


STATUSES = [409, 404, 403, 422, 200, 400]


async def test_every_answer_has_its_status_over_http(
    witness_of: Any, log_key: Any, requests: list[bytes], serve_app: Callable[..., Any]
) -> None:
    witness = witness_of(log_key("a.example"))
    base = await serve_app(WitnessApp(witness))
    async with httpx.AsyncClient(base_url=base) as client:
        answers = [await client.post("/add-checkpoint", content=each) for each in requests]
        assert [each.status_code for each in answers] == STATUSES
        conflict, *_, cosigned, _bad = answers
        assert conflict.headers["content-type"] == "text/x.tlog.size"
        assert conflict.content == b"0\n"
        assert cosigned.text.startswith("— witness.example/w1 ")
        (signature,) = parse_signatures(cosigned.text)
        check_cosignature(parse_request(requests[4]).note.body, signature, witness.vkey)
        assert (await client.get("/key")).text == f"{witness.vkey}\n"
        assert (await client.get("/add-checkpoint")).status_code == 405
        assert (await client.get("/elsewhere")).status_code == 404
        assert (await client.post("/elsewhere")).status_code == 404


async def test_the_very_same_bytes_come_over_nats(
    witness_of: Any,
    log_key: Any,
    requests: list[bytes],
    serve_app: Callable[..., Any],
    nats_client: Client,
) -> None:
    witness = witness_of(log_key("a.example"))
    base = await serve_app(WitnessApp(witness))
    await answer_over_nats(nats_client, SUBJECT, witness)
    over_nats = []
    for request in requests:
        reply = await nats_client.request(SUBJECT, request, timeout=30)
        headers = reply.headers or {}
        over_nats.append((int(headers["Tlog-Status"]), headers["Content-Type"], reply.data))
    assert [status for status, _, _ in over_nats] == STATUSES
    again = [*requests[1:4], requests[5], requests[4]]
    async with httpx.AsyncClient(base_url=base) as client:
        for request in again:
            answer = await client.post("/add-checkpoint", content=request)
            reply = await nats_client.request(SUBJECT, request, timeout=30)
            headers = reply.headers or {}
            assert str(answer.status_code) == headers["Tlog-Status"]
            assert answer.headers["content-type"] == headers["Content-Type"]
            assert answer.content == reply.data


async def test_a_message_that_wants_no_reply_changes_nothing(
    witness_of: Any, log_key: Any, requests: list[bytes], nats_client: Client
) -> None:
    witness = witness_of(log_key("a.example"))
    await answer_over_nats(nats_client, SUBJECT, witness)
    await nats_client.publish(SUBJECT, requests[4])
    reply = await nats_client.request(SUBJECT, requests[0], timeout=30)
    assert reply.data == b"0\n"


async def test_two_processes_of_one_witness_share_the_subject(
    witness_of: Any, log_key: Any, requests: list[bytes], nats_client: Client
) -> None:
    for _ in range(2):
        await answer_over_nats(nats_client, SUBJECT, witness_of(log_key("a.example")))
    replies = [await nats_client.request(SUBJECT, requests[4], timeout=30) for _ in range(20)]
    statuses = [(reply.headers or {})["Tlog-Status"] for reply in replies]
    assert statuses == ["200"] + ["409"] * 19


async def test_a_body_that_is_too_long_is_not_read_to_its_end(
    witness_of: Any, log_key: Any, serve_app: Callable[..., Any]
) -> None:
    base = await serve_app(WitnessApp(witness_of(log_key("a.example"))))
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 100 * REQUEST_BYTES_MAX:
            taken += 16_384
            yield b"x" * 16_384

    async with httpx.AsyncClient(base_url=base, timeout=10) as client:
        try:
            answer = await client.post("/add-checkpoint", content=endless())
            assert answer.status_code == 400
        except (httpx.WriteError, httpx.ReadError):
            pass  # the server answered and closed while we were writing
        assert taken < 100 * REQUEST_BYTES_MAX
        exact = await client.post("/add-checkpoint", content=b"x" * REQUEST_BYTES_MAX)
        assert exact.status_code == 400
        assert (await client.get("/key")).status_code == 200


async def test_a_body_that_trickles_is_given_up(
    witness_of: Any,
    log_key: Any,
    serve_app: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(witness_doors, "BODY_TIMEOUT_S", 0.2)
    base = await serve_app(WitnessApp(witness_of(log_key("a.example"))))

    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    writer.write(b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nold 0\n")
    answer = await asyncio.wait_for(reader.read(), 30)  # to its end: the connection was closed
    assert answer.startswith(b"HTTP/1.1 408 ")
    writer.close()
    async with httpx.AsyncClient(base_url=base) as client:
        assert (await client.get("/key")).status_code == 200


async def test_other_paths_can_be_anothers(
    witness_of: Any, log_key: Any, serve_app: Callable[..., Any]
) -> None:
    async def health(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    base = await serve_app(WitnessApp(witness_of(log_key("a.example")), health))
    async with httpx.AsyncClient(base_url=base) as client:
        assert (await client.get("/healthz")).status_code == 204
        assert (await client.get("/key")).status_code == 200
