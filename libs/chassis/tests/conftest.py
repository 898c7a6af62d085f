"""A tiny real service, keys and servers that the chassis's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.keys import load_public_keys, private_key_pem, write_key_pair
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.tokens import TokenIssuer, TokenVerifier
from cahier_ledger.postgres.server import PostgresServer

SERVICE = "cahier.echo.v1.EchoService"
Handler = Callable[[StringValue, Any], Awaitable[StringValue]]
LOG_ORIGIN = "a.example/tlog/echo"


@pytest.fixture
def keys(tmp_path: Path) -> SimpleNamespace:
    private, public = write_key_pair(tmp_path / "keys", "tokens")
    return SimpleNamespace(
        folder=tmp_path / "keys", private=private, public=public, pem=private.read_bytes()
    )


@pytest.fixture
def issuer(keys: SimpleNamespace) -> TokenIssuer:
    return TokenIssuer(keys.pem, issuer="demo")


@pytest.fixture
def verifier(keys: SimpleNamespace) -> TokenVerifier:
    return TokenVerifier(load_public_keys(keys.folder), audience="echo", issuer="demo")


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    return issuer.issue("person-1", roles=["resident"], audience=["echo"])


@pytest.fixture
def log_settings(tmp_path: Path, keys: SimpleNamespace) -> Callable[..., ServiceSettings]:
    """The settings of a unit with a log; the same folder each time."""
    key = tmp_path / "log.pem"
    key.write_bytes(private_key_pem())

    def make(**changed: Any) -> ServiceSettings:
        told = {
            "city": "demo",
            "data_dir": tmp_path / "city" / "echo",
            "nats_url": "nats://127.0.0.1:1",
            "token_public_keys": keys.folder,
            "log_level": "error",
            "log_keys": str(key),
            "log_origin": LOG_ORIGIN,
            "log_batch_s": 0.02,
            "log_checkpoint_s": 0.05,
        }
        return ServiceSettings.model_validate(told | changed)

    return make


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), sync=False)
    server.start()
    yield server
    server.stop()


def add_methods(methods: dict[str, Handler]) -> Callable[[Any], None]:
    """What generated code does in `add_EchoServiceServicer_to_server`."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            method,
            request_deserializer=StringValue.FromString,
            response_serializer=StringValue.SerializeToString,
        )
        for name, method in methods.items()
    }

    def add(server: Any) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_registered_method_handlers(SERVICE, handlers)

    return add


class Echo:
    """A running server of the given methods and a channel to it; `call(name, text)` calls."""

    def __init__(self, server: GrpcServer, target: str, channel: ServiceChannel) -> None:
        self.server = server
        self.target = target
        self.channel = channel

    def method(self, name: str, channel: Any = None) -> Any:
        return (channel or self.channel).unary_unary(
            f"/{SERVICE}/{name}", StringValue.SerializeToString, StringValue.FromString
        )

    async def call(self, name: str, text: str = "", **options: Any) -> str:
        answer = await self.method(name)(StringValue(value=text), **options)
        return str(answer.value)


@pytest.fixture
async def serve(verifier: TokenVerifier, token: str) -> AsyncIterator[Any]:
    """`await serve({"Get": handler}, **options of GrpcServer)` gives an Echo."""
    async with AsyncExitStack() as stack:

        async def start(methods: dict[str, Handler], **options: Any) -> Echo:
            server = GrpcServer("echo", [add_methods(methods)], verifier, **options)
            port = await server.start("127.0.0.1", 0)
            stack.push_async_callback(server.stop, 0.2)
            await server.set_serving(True)
            channel = ServiceChannel(f"127.0.0.1:{port}", token=lambda: token)
            stack.push_async_callback(channel.close)
            return Echo(server, f"127.0.0.1:{port}", channel)

        yield start
