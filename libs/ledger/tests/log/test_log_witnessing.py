import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from cahier_ledger.log import witnessing
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.note import COSIGNATURE_V1, parse_note
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.witness import Witness
from cahier_ledger.log.witness_doors import WitnessApp, answer_over_nats
from cahier_ledger.log.witness_state import WitnessState
from cahier_ledger.log.witnessing import Witnesses

ORIGIN = "a.example/tlog/budget"
Open = Callable[[str], Witness]


@pytest.fixture
def log(log_key: Any) -> Any:
    return log_key(ORIGIN)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def open_named(tmp_path: Path, log: Any, log_key: Any, witness_clock: Any) -> Open:
    """Opens a witness of that name with an empty state."""

    def make(name: str) -> Witness:
        key = log_key(f"{name}.example", COSIGNATURE_V1)
        state = WitnessState.create(tmp_path / f"{name}.db", key.vkey)
        return Witness(state, key.sign, [log.vkey], witness_clock)

    return make


@pytest.fixture
def policy_of(log: Any, log_key: Any) -> Callable[..., Policy]:
    """A policy that asks for all of these witnesses, which have these addresses."""

    def make(**urls: str) -> Policy:
        lines = [f"log {log.vkey}"]
        for name, url in urls.items():
            vkey = log_key(f"{name}.example", COSIGNATURE_V1).vkey
            lines.append(f"witness {name} {vkey} {url}")
        lines += [f"group all all {' '.join(urls)}", "quorum all"]
        return Policy.parse("\n".join(lines) + "\n")

    return make


@pytest.fixture
def checkpoint_of(log: Any, log_tree: Any, log_checkpoint: Any) -> Callable[[int], str]:
    tree = log_tree(300)
    return lambda size: str(log_checkpoint(size, tree.root(size), log))


async def black_hole(scope: Any, receive: Any, send: Any) -> None:
    """Takes every request and never answers."""
    await asyncio.sleep(3_600)


class CountingHole:
    """A black hole that counts what fell into it."""

    requests = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += scope["type"] == "http"
        await black_hole(scope, receive, send)


def answering(status: int, body: bytes, content_type: str = "text/plain") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def test_all_witnesses_cosign_and_the_policy_is_met(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
    nats_client: Client,
) -> None:
    over_http = await serve_app(WitnessApp(open_named("one")))
    await answer_over_nats(nats_client, "witness.two", open_named("two"))
    policy = policy_of(one=over_http + "/", two="nats://witness.two")
    witnesses = Witnesses(policy, http, nats_client)
    read = log_tree(300).read
    for size in (1, 5, 5, 256, 300):
        text = checkpoint_of(size)
        lines = await witnesses.collect(text, read)
        assert len(lines) == 2
        assert not policy.satisfied_by(text)
        assert policy.satisfied_by(text + "".join(lines))
        assert witnesses.refusals == {}


async def test_a_log_that_forgot_what_its_witnesses_saw_asks_them(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    policy = policy_of(one=await serve_app(WitnessApp(open_named("one"))))
    read = log_tree(300).read
    assert await Witnesses(policy, http).collect(checkpoint_of(7), read)
    restarted = Witnesses(policy, http)
    assert await restarted.collect(checkpoint_of(7), read)
    assert await Witnesses(policy, http).collect(checkpoint_of(300), read)
    assert await restarted.collect(checkpoint_of(300), read)


async def test_one_witness_gone_delays_the_others_by_the_bound_and_then_no_more(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = CountingHole()
    policy = policy_of(
        one=await serve_app(WitnessApp(open_named("one"))),
        gone=await serve_app(gone),
        refusing="http://127.0.0.1:9",
    )
    monkeypatch.setattr(witnessing, "PAUSE_FIRST_S", 60.0)
    # So long that the one who answers does so in time on a busy machine.
    witnesses = Witnesses(policy, http, timeout_s=2.0)
    read = log_tree(300).read
    assert len(await witnesses.collect(checkpoint_of(3), read)) == 1
    assert witnesses.refusals["gone"] == "did not answer within 2 s"
    assert witnesses.refusals["refusing"].startswith("cannot be reached")
    assert len(await witnesses.collect(checkpoint_of(4), read)) == 1
    assert gone.requests == 1, "it was left alone"
    assert set(witnesses.refusals) == {"gone", "refusing"}


async def test_a_witness_that_comes_back_is_asked_again(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(witnessing, "PAUSE_FIRST_S", 2.0)
    back, app = False, WitnessApp(open_named("one"))

    async def sometimes(scope: Any, receive: Any, send: Any) -> None:
        await (app if back else black_hole)(scope, receive, send)

    witnesses = Witnesses(policy_of(one=await serve_app(sometimes)), http, timeout_s=2.0)
    read = log_tree(300).read
    assert await witnesses.collect(checkpoint_of(3), read) == []
    back = True
    assert await witnesses.collect(checkpoint_of(4), read) == []
    await asyncio.sleep(witnessing.PAUSE_FIRST_S)
    assert len(await witnesses.collect(checkpoint_of(5), read)) == 1
    assert witnesses.refusals == {}


async def test_a_witness_that_saw_more_says_that_the_log_was_rolled_back(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    policy = policy_of(one=await serve_app(WitnessApp(open_named("one"))))
    read = log_tree(300).read
    await Witnesses(policy, http).collect(checkpoint_of(300), read)
    witnesses = Witnesses(policy, http)
    assert await witnesses.collect(checkpoint_of(200), read) == []
    assert "saw 300 leaves" in witnesses.refusals["one"]


async def test_a_witness_that_saw_another_history_says_so(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log: Any,
    log_tree: Any,
    log_checkpoint: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    policy = policy_of(one=await serve_app(WitnessApp(open_named("one"))))
    forked = log_tree(300, fork="'", fork_at=100)
    await Witnesses(policy, http).collect(checkpoint_of(200), log_tree(300).read)
    witnesses = Witnesses(policy, http)
    same_size = log_checkpoint(200, forked.root(200), log)
    assert await witnesses.collect(same_size, forked.read) == []
    assert "another root of 200 leaves" in witnesses.refusals["one"]
    longer = log_checkpoint(300, forked.root(300), log)
    assert await witnesses.collect(longer, forked.read) == []
    assert witnesses.refusals["one"] == "answered 422"


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, b"", "text/plain"),
        (200, b"rubbish", "text/plain"),
        (200, b"\xff\xff", "text/plain"),
        (200, b"x" * 200_000, "text/plain"),
        (200, "— one.example AAAA\n".encode(), "text/plain"),
        (409, b"3\n", "text/plain"),
        (409, b"rubbish\n", "text/x.tlog.size"),
        (409, b"-3\n", "text/x.tlog.size"),
        (409, b"\xff\n", "text/x.tlog.size"),
        (409, b"0\n", "text/x.tlog.size"),
        (302, b"", "text/plain"),
        (500, b"oops", "text/html"),
    ],
)
async def test_what_is_no_cosignature_is_not_taken_for_one(
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
    status: int,
    body: bytes,
    content_type: str,
) -> None:
    url = await serve_app(answering(status, body, content_type))
    witnesses = Witnesses(policy_of(one=url), http)
    assert await witnesses.collect(checkpoint_of(5), log_tree(300).read) == []
    assert witnesses.refusals["one"]


async def test_a_tree_that_cannot_be_read_is_the_callers_to_hear_of(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    one, two = [await serve_app(WitnessApp(open_named(name))) for name in ("one", "two")]
    witnesses = Witnesses(policy_of(one=one, two=two), http)
    await witnesses.collect(checkpoint_of(5), log_tree(300).read)

    def broken(level: int, index: int) -> bytes:
        raise LookupError("no such tile")

    with pytest.raises(LookupError):
        await witnesses.collect(checkpoint_of(9), broken)
    assert len(await witnesses.collect(checkpoint_of(9), log_tree(300).read)) == 2


async def test_an_endless_answer_is_cut_off(
    policy_of: Any, checkpoint_of: Any, log_tree: Any, serve_app: Any, http: httpx.AsyncClient
) -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": b"x" * 4_096, "more_body": True})

    witnesses = Witnesses(policy_of(one=await serve_app(endless)), http)
    assert await witnesses.collect(checkpoint_of(5), log_tree(300).read) == []
    assert witnesses.refusals["one"] == "answered too much"


async def test_only_a_witness_own_and_true_cosignature_counts(
    policy_of: Any,
    checkpoint_of: Any,
    log_key: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    text = checkpoint_of(5)
    own, stranger = (log_key(f"{name}.example", COSIGNATURE_V1) for name in ("one", "other"))
    body = parse_note(text).body
    true = cosign(body, own.vkey, own.sign, 7)
    false = cosign(parse_note(checkpoint_of(4)).body, own.vkey, own.sign, 7)
    others = cosign(body, stranger.vkey, stranger.sign, 7)
    for answer, taken in ((true, [true]), (others + true, [true]), (others, []), (false, [])):
        url = await serve_app(answering(200, answer.encode()))
        witnesses = Witnesses(policy_of(one=url), http)
        assert await witnesses.collect(text, log_tree(300).read) == taken


async def test_a_witness_that_names_another_size_each_time_is_given_up(
    policy_of: Any, checkpoint_of: Any, log_tree: Any, serve_app: Any, http: httpx.AsyncClient
) -> None:
    asked = 0

    async def fickle(scope: Any, receive: Any, send: Any) -> None:
        nonlocal asked
        asked += 1
        size = f"{asked}\n".encode()
        await answering(409, size, "text/x.tlog.size")(scope, receive, send)

    witnesses = Witnesses(policy_of(one=await serve_app(fickle)), http)
    assert await witnesses.collect(checkpoint_of(50), log_tree(300).read) == []
    assert asked == witnessing.TRIES_MAX


async def test_without_a_way_there_a_witness_is_not_reached(
    policy_of: Any, checkpoint_of: Any, log_tree: Any, nats_client: Client
) -> None:
    policy = policy_of(one="http://127.0.0.1:9", two="nats://nobody.listens", three="gopher://x")
    for http, nats in ((None, None), (None, nats_client)):
        witnesses = Witnesses(policy, http, nats)
        assert await witnesses.collect(checkpoint_of(5), log_tree(300).read) == []
        assert set(witnesses.refusals) == {"one", "two", "three"}
    async with httpx.AsyncClient() as client:
        witnesses = Witnesses(policy, client, nats_client)
        assert await witnesses.collect(checkpoint_of(5), log_tree(300).read) == []
        assert set(witnesses.refusals) == {"one", "two", "three"}


async def test_a_policy_without_addresses_asks_nobody(
    checkpoint_of: Any, log: Any, log_tree: Any
) -> None:
    witnesses = Witnesses(Policy.parse(f"log {log.vkey}\nquorum none\n"), None)
    assert await witnesses.collect(checkpoint_of(5), log_tree(300).read) == []
    assert witnesses.refusals == {}


async def test_tiles_are_read_beside_the_event_loop(
    open_named: Open,
    policy_of: Any,
    checkpoint_of: Any,
    log_tree: Any,
    serve_app: Any,
    http: httpx.AsyncClient,
) -> None:
    witnesses = Witnesses(policy_of(one=await serve_app(WitnessApp(open_named("one")))), http)
    tree, threads = log_tree(300), set()

    def read(level: int, index: int) -> bytes:
        threads.add(threading.get_ident())
        node: bytes = tree.read(level, index)
        return node

    for size in (200, 300):
        assert len(await witnesses.collect(checkpoint_of(size), read)) == 1
    assert threads
    assert threading.get_ident() not in threads
