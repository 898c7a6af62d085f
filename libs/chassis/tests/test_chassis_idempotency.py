"""Idempotency keys over gRPC and a real event store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from cahier_chassis.calls import KEY_CHARS_MAX
from cahier_chassis.errors import ServiceError, from_rpc_error
from cahier_chassis.idempotency import Record, once
from cahier_kernel.errors import FailedPrecondition
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    store = Ledger.open(tmp_path / "events.db")
    yield store
    await store.close()


class Greeter:
    """Appends one event to a fresh stream for each command; counts what it handled."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.handled = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def Greet(self, request: StringValue, context: Any) -> StringValue:
        async def handle(record: Record) -> StringValue:
            self.handled += 1
            stream = f"greeting-{self.handled}"
            await self.gate.wait()
            if request.value == "only once" and self._ledger.head_seq():
                raise FailedPrecondition("greeted", "one greeting is enough")
            if request.value == "refused":
                raise FailedPrecondition("closed", "not now")
            answer = StringValue(value=f"{stream} {request.value}")
            event = NewEvent(type="greeted", data=b"{}")
            await self._ledger.append(
                Append(streams=(StreamAppend(stream, 0, (event,)),), idempotency=record(answer))
            )
            return answer

        return await once(self._ledger, request, StringValue, handle)


@pytest.fixture
async def greeter(ledger: Ledger) -> Greeter:
    return Greeter(ledger)


@pytest.fixture
async def service(serve: Any, greeter: Greeter) -> Any:
    return await serve({"Greet": greeter.Greet, "Hail": greeter.Greet})


async def test_a_repeated_call_gets_the_first_answer_and_appends_nothing(
    service: Any, greeter: Greeter, ledger: Ledger
) -> None:
    first = await service.call("Greet", "ann", idempotency_key="k-1")
    assert await service.call("Greet", "ann", idempotency_key="k-1") == first == "greeting-1 ann"
    assert (greeter.handled, ledger.head_seq()) == (1, 1)


async def test_another_body_under_the_same_key_is_refused(service: Any, ledger: Ledger) -> None:
    await service.call("Greet", "ann", idempotency_key="k-1")
    with pytest.raises(ServiceError) as refused:
        await service.call("Greet", "bob", idempotency_key="k-1")
    assert (refused.value.code, refused.value.field) == (
        "idempotency_key_reused",
        "idempotency-key",
    )
    assert ledger.head_seq() == 1


async def test_a_key_is_the_callers_and_the_methods_own(
    service: Any, issuer: Any, ledger: Ledger
) -> None:
    other = issuer.issue("person-2", audience=["echo"])
    answers = [
        await service.call("Greet", "ann", idempotency_key="k-1"),
        await service.call("Hail", "ann", idempotency_key="k-1"),
        await service.call("Greet", "ann", idempotency_key="k-1", token=other),
    ]
    assert len(set(answers)) == 3
    assert ledger.head_seq() == 3


async def test_without_a_key_every_call_is_handled(service: Any, ledger: Ledger) -> None:
    await service.call("Greet", "ann")
    await service.call("Greet", "ann")
    assert ledger.head_seq() == 2


async def test_twins_at_the_same_time_are_stored_once_and_get_one_answer(
    service: Any, greeter: Greeter, ledger: Ledger
) -> None:
    greeter.gate.clear()
    calls = [
        asyncio.create_task(service.call("Greet", "ann", idempotency_key="k-1")) for _ in range(5)
    ]
    async with asyncio.timeout(30):
        while greeter.handled < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    greeter.gate.set()
    assert len(set(await asyncio.gather(*calls))) == 1
    assert ledger.head_seq() == 1


async def test_a_twin_that_is_refused_for_what_the_first_did_gets_the_answer_of_the_first(
    service: Any, greeter: Greeter, ledger: Ledger
) -> None:
    greeter.gate.clear()
    late = asyncio.create_task(service.call("Greet", "only once", idempotency_key="k-1"))
    async with asyncio.timeout(30):
        while greeter.handled < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    first = asyncio.create_task(service.call("Greet", "only once", idempotency_key="k-1"))
    async with asyncio.timeout(30):
        while greeter.handled < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    greeter.gate.set()
    assert await late == await first
    assert ledger.head_seq() == 1


async def test_a_refused_command_keeps_no_answer(service: Any, greeter: Greeter) -> None:
    for _ in range(2):
        with pytest.raises(ServiceError, match="closed"):
            await service.call("Greet", "refused", idempotency_key="k-1")
    assert greeter.handled == 2


async def test_the_answer_outlives_the_process(
    service: Any, ledger: Ledger, tmp_path: Path, serve: Any
) -> None:
    first = await service.call("Greet", "ann", idempotency_key="k-1")
    await ledger.close()
    again = Ledger.open(tmp_path / "events.db")
    reborn = await serve({"Greet": Greeter(again).Greet})
    assert await reborn.call("Greet", "ann", idempotency_key="k-1") == first
    assert again.head_seq() == 1
    await again.close()


@pytest.mark.parametrize("key", ["x" * (KEY_CHARS_MAX + 1)])
async def test_a_malformed_key_is_refused(
    service: Any, ledger: Ledger, token: str, key: str
) -> None:
    sent = (("authorization", f"Bearer {token}"), ("idempotency-key", key))
    async with grpc.aio.insecure_channel(service.target) as others:  # Ours would not send it.
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await service.method("Greet", others)(StringValue(value="ann"), metadata=sent)
    assert from_rpc_error(failed.value).code == "idempotency_key_malformed"
    assert ledger.head_seq() == 0


async def test_the_longest_key_is_accepted(service: Any) -> None:
    assert await service.call("Greet", "ann", idempotency_key="x" * KEY_CHARS_MAX)
