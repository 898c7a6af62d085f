"""The gRPC server and client against each other, over a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from cahier_chassis import metrics
from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_chassis.errors import ServiceError, from_rpc_error
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.grpc_server import MESSAGE_BYTES_MAX, GrpcServer
from cahier_chassis.tokens import require_role
from cahier_kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    FailedPrecondition,
    Forbidden,
    Invalid,
    Kind,
    NotFound,
    NotServed,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from cahier_ledger.model import StoreUnavailable

METHOD = "/cahier.echo.v1.EchoService/Say"


async def echo(request: StringValue, context: Any) -> StringValue:
    return StringValue(value=request.value)


def refusing(error: Exception) -> Any:
    async def refuse(request: StringValue, context: Any) -> StringValue:
        raise error

    return refuse


async def test_a_call_with_a_good_token_is_answered_and_knows_its_bearer(serve: Any) -> None:
    async def who(request: StringValue, context: Any) -> StringValue:
        claims = current_claims()
        require_role(claims, "resident", "staff")
        return StringValue(value=claims.subject)

    service = await serve({"Who": who})
    assert await service.call("Who") == "person-1"


async def test_a_call_without_a_token_is_refused_before_its_body_is_parsed(serve: Any) -> None:
    service = await serve({"Say": echo})
    async with grpc.aio.insecure_channel(service.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary(METHOD)(b"\xff\xff not a message")
    assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", token="")
    assert (refused.value.code, refused.value.domain) == ("token_missing", "echo.cahier")


@pytest.mark.parametrize("scheme", ["Basic ", "bearerx", "Bearer  "])
async def test_authorization_that_is_no_bearer_token_is_malformed(
    serve: Any, token: str, scheme: str
) -> None:
    service = await serve({"Say": echo})
    async with grpc.aio.insecure_channel(service.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary(METHOD)(b"", metadata=(("authorization", scheme + token),))
    assert from_rpc_error(failed.value).code == "token_malformed"


async def test_an_anonymous_method_needs_no_token_but_believes_no_bad_one(serve: Any) -> None:
    async def who(request: StringValue, context: Any) -> StringValue:
        claims = current_claims_or_none()
        return StringValue(value=claims.subject if claims else "nobody")

    service = await serve({"Who": who}, anonymous={"Who"})
    assert await service.call("Who", token="") == "nobody"
    assert await service.call("Who") == "person-1"
    with pytest.raises(ServiceError, match="token_malformed"):
        await service.call("Who", token="rubbish")


async def test_claims_of_an_anonymous_call_are_a_refusal(serve: Any) -> None:
    async def who(request: StringValue, context: Any) -> StringValue:
        return StringValue(value=current_claims().subject)

    service = await serve({"Who": who}, anonymous={"Who"})
    with pytest.raises(ServiceError, match="token_missing"):
        await service.call("Who", token="")


async def test_calls_at_the_same_time_do_not_see_each_others_claims(
    serve: Any, issuer: Any
) -> None:
    async def who(request: StringValue, context: Any) -> StringValue:
        await asyncio.sleep(0.01)
        return StringValue(value=current_claims().subject)

    service = await serve({"Who": who})
    names = [f"person-{number}" for number in range(20)]
    tokens = [issuer.issue(name, audience=["echo"]) for name in names]
    assert await asyncio.gather(*(service.call("Who", token=each) for each in tokens)) == names


STATUSES = [
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT, Kind.INVALID),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED, Kind.UNAUTHENTICATED),
    (Forbidden, grpc.StatusCode.PERMISSION_DENIED, Kind.FORBIDDEN),
    (NotFound, grpc.StatusCode.NOT_FOUND, Kind.NOT_FOUND),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS, Kind.ALREADY_EXISTS),
    (FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION, Kind.FAILED_PRECONDITION),
    (Conflict, grpc.StatusCode.ABORTED, Kind.CONFLICT),
    (TooLarge, grpc.StatusCode.INVALID_ARGUMENT, Kind.INVALID),
    (Unavailable, grpc.StatusCode.UNAVAILABLE, Kind.UNAVAILABLE),
    (NotServed, grpc.StatusCode.UNIMPLEMENTED, Kind.NOT_SERVED),
]


@pytest.mark.parametrize(("error", "status", "kind"), STATUSES)
async def test_a_refusal_reaches_the_caller_with_code_field_rule_and_params(
    serve: Any, error: type[DomainError], status: grpc.StatusCode, kind: Kind
) -> None:
    refusal = error("too_many", "at most 3 – à savoir", field="choices", limit=3)
    service = await serve({"Say": refusing(refusal)})
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", repeat=False)
    back = refused.value
    assert (back.status, back.kind, back.domain) == (status, kind, "echo.cahier")
    assert (back.code, back.field, back.rule) == ("too_many", "choices", "at most 3 – à savoir")
    assert back.params == {"limit": "3"}


async def test_a_refusal_is_a_google_rpc_status_with_error_info_and_field_violation(
    serve: Any, token: str
) -> None:
    service = await serve({"Say": refusing(Invalid("bad_title", "not empty", field="title"))})
    async with grpc.aio.insecure_channel(service.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary(METHOD)(b"", metadata=(("authorization", f"Bearer {token}"),))
    metadata = dict(failed.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(request)
    assert status.code == failed.value.code().value[0] == 3
    assert (info.reason, info.domain) == ("bad_title", "echo.cahier")
    assert dict(info.metadata) == {"field": "title", "rule": "not empty"}
    assert request.field_violations[0].field == "title"


async def test_a_full_store_is_unavailable(serve: Any) -> None:
    service = await serve({"Say": refusing(StoreUnavailable("the disk is full"))})
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", repeat=False)
    assert (refused.value.code, refused.value.kind) == ("store_unavailable", Kind.UNAVAILABLE)


async def test_an_unexpected_error_tells_the_caller_nothing(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service = await serve({"Say": refusing(RuntimeError("secret of the house"))})
    with pytest.raises(ServiceError) as refused:
        await service.call("Say")
    assert refused.value.status is grpc.StatusCode.INTERNAL
    assert refused.value.code == "internal"
    assert "secret" not in str(refused.value) + json.dumps(refused.value.params)


async def test_a_malformed_body_is_an_invalid_argument(serve: Any, token: str) -> None:
    service = await serve({"Say": echo})
    raw = service.channel._channel.unary_unary(METHOD)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await raw(b"\xff\xff", metadata=(("authorization", f"Bearer {token}"),))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (
        b"request_malformed"
        in dict(failed.value.trailing_metadata() or ())["grpc-status-details-bin"]
    )


async def test_a_message_over_the_limit_is_refused_by_the_client_and_by_the_server(
    serve: Any, token: str
) -> None:
    async def count(request: StringValue, context: Any) -> StringValue:
        return StringValue(value=str(len(request.value)))

    service = await serve({"Say": echo})
    assert len(await service.call("Say", "x" * (MESSAGE_BYTES_MAX - 100))) > 0
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", "x" * MESSAGE_BYTES_MAX)
    assert refused.value.kind is Kind.TOO_LARGE
    short = await serve({"Say": count})
    body = StringValue(value="x" * MESSAGE_BYTES_MAX).SerializeToString()
    async with grpc.aio.insecure_channel(short.target) as channel:
        call = channel.unary_unary(METHOD)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(body, metadata=(("authorization", "Bearer " + token),))
    assert from_rpc_error(failed.value).kind is Kind.TOO_LARGE


async def test_a_very_long_rule_is_cut_so_that_the_refusal_still_arrives(serve: Any) -> None:
    params = {f"p{number}": "x" * 5_000 for number in range(40)}
    service = await serve({"Say": refusing(Invalid("long", "y" * 9_000, **params))})
    with pytest.raises(ServiceError) as refused:
        await service.call("Say")
    assert refused.value.code == "long"


async def test_a_call_without_a_deadline_ends_at_the_servers_own(serve: Any, token: str) -> None:
    async def slow(request: StringValue, context: Any) -> StringValue:
        await asyncio.sleep(30)
        return request

    service = await serve({"Say": slow}, deadline_s_max=0.2)
    for timeout_s in (None, 20):
        raw = service.channel._channel.unary_unary(METHOD)
        began_s = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await raw(b"", metadata=(("authorization", f"Bearer {token}"),), timeout=timeout_s)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        metadata = dict(failed.value.trailing_metadata() or ())
        assert status_pb2.Status.FromString(metadata["grpc-status-details-bin"]).code == 4
        assert time.monotonic() - began_s < 10


async def test_the_handler_is_cancelled_at_the_callers_deadline(serve: Any) -> None:
    cancelled = asyncio.Event()

    async def slow(request: StringValue, context: Any) -> StringValue:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return request

    service = await serve({"Say": slow})
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", timeout_s=0.2)
    assert refused.value.code == "grpc_deadline_exceeded"
    async with asyncio.timeout(10):
        await cancelled.wait()


async def test_a_timeout_inside_the_handler_is_not_the_callers_deadline(serve: Any) -> None:
    service = await serve({"Say": refusing(TimeoutError())}, deadline_s_max=5)
    with pytest.raises(ServiceError) as refused:
        await service.call("Say", timeout_s=20)
    assert refused.value.status is grpc.StatusCode.INTERNAL


async def test_every_call_is_counted_and_timed_and_errors_by_status(serve: Any) -> None:
    service = await serve({"Say": echo, "No": refusing(NotFound("gone", "it is not there"))})

    def values(method: str) -> tuple[float, float, float]:
        path = "/cahier.echo.v1.EchoService/" + method
        read = metrics.REGISTRY.get_sample_value
        labels = {"method": path}
        return (
            read("cahier_grpc_requests_total", labels) or 0,
            read("cahier_grpc_duration_seconds_count", labels) or 0,
            read("cahier_grpc_errors_total", {**labels, "status": "NOT_FOUND"}) or 0,
        )

    before = [values("Say"), values("No")]
    await service.call("Say")
    with pytest.raises(ServiceError):
        await service.call("No")
    after = [values("Say"), values("No")]
    deltas = [
        tuple(new - old for new, old in zip(*pair, strict=True))
        for pair in zip(after, before, strict=True)
    ]
    assert deltas == [(1, 1, 0), (1, 1, 1)]


async def test_health_follows_readiness_and_needs_no_token(serve: Any) -> None:
    service = await serve({"Say": echo})
    status = health_pb2.HealthCheckResponse
    async with grpc.aio.insecure_channel(service.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "cahier.echo.v1.EchoService"):
            asked = health_pb2.HealthCheckRequest(service=name)
            assert (await health.Check(asked)).status == status.SERVING
            await service.server.set_serving(False)
            assert (await health.Check(asked)).status == status.NOT_SERVING
            await service.server.set_serving(True)


async def test_reflection_lists_the_service(serve: Any) -> None:
    service = await serve({"Say": echo})
    async with grpc.aio.insecure_channel(service.target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]))
        answer = await call.read()
        names = {each.name for each in answer.list_services_response.service}
    assert {"cahier.echo.v1.EchoService", "grpc.health.v1.Health"} <= names


async def test_an_unknown_method_is_unimplemented(serve: Any) -> None:
    service = await serve({"Say": echo})
    with pytest.raises(ServiceError) as refused:
        await service.call("Nothing")
    assert (refused.value.kind, refused.value.code) == (Kind.NOT_SERVED, "grpc_unimplemented")


def test_a_policy_for_a_method_that_is_not_there_is_refused(verifier: Any) -> None:
    with pytest.raises(ValueError, match="CastBalot"):
        GrpcServer("echo", [], verifier, untraced={"CastBalot"})


def test_a_streaming_method_is_refused(verifier: Any) -> None:
    handler = grpc.unary_stream_rpc_method_handler(echo)

    def add(server: Any) -> None:
        server.add_registered_method_handlers("cahier.echo.v1.EchoService", {"Watch": handler})

    with pytest.raises(ValueError, match="streams"):
        GrpcServer("echo", [add], verifier)


async def test_stopping_lets_the_call_at_work_finish_and_takes_no_more(serve: Any) -> None:
    started = asyncio.Event()

    async def slow(request: StringValue, context: Any) -> StringValue:
        started.set()
        await asyncio.sleep(0.3)
        return StringValue(value="finished")

    service = await serve({"Say": slow})
    at_work = asyncio.create_task(service.call("Say"))
    await started.wait()
    stopping = asyncio.create_task(service.server.stop(5))
    await asyncio.sleep(0.05)
    late = ServiceChannel(service.target, token=lambda: "x", timeout_s=0.3)
    with pytest.raises(ServiceError) as refused:
        await service.method("Say", late)(StringValue(), repeat=False)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert await at_work == "finished"
    await stopping
    await late.close()


async def test_an_idempotent_call_is_repeated_until_the_service_is_back(serve: Any) -> None:
    calls = 0

    async def shaky(request: StringValue, context: Any) -> StringValue:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise Unavailable("store_unavailable", "try again")
        return StringValue(value=str(calls))

    service = await serve({"Say": shaky, "GetIt": shaky})
    with pytest.raises(ServiceError, match="store_unavailable"):
        await service.call("Say")
    assert calls == 1
    assert await service.call("Say", idempotency_key="k1") == "3"
    calls = 0
    assert await service.call("GetIt") == "3"
    calls = 0
    assert await service.call("Say", repeat=True) == "3"


@pytest.mark.parametrize("key", ["\0", "clé", "a\nb", "\ud800", "x" * 201])
async def test_a_key_that_metadata_cannot_carry_is_refused_as_the_service_would(
    serve: Any, key: str
) -> None:
    service = await serve({"Say": echo})
    with pytest.raises(Invalid, match="idempotency_key_malformed"):
        await service.call("Say", idempotency_key=key)


async def test_repetition_ends_at_the_deadline() -> None:
    channel = ServiceChannel("127.0.0.1:1", timeout_s=0.5)
    began_s = time.monotonic()
    call = channel.unary_unary("/x.y/Get", StringValue.SerializeToString, StringValue.FromString)
    with pytest.raises(ServiceError) as refused:
        await call(StringValue())
    assert refused.value.kind is Kind.UNAVAILABLE
    assert time.monotonic() - began_s < 8
    await channel.close()


async def test_two_servers_never_share_a_port(serve: Any, verifier: Any) -> None:
    service = await serve({"Say": echo})
    with pytest.raises(RuntimeError):
        await GrpcServer("echo", [], verifier).start("127.0.0.1", service.server.port)
