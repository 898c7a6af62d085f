"""The process itself, over loopback: roles, repeats, kill -9, the broker away, lost keys."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import nats
import pytest
from nats.js.errors import NotFoundError

from cahier_chassis.errors import ServiceError
from cahier_contracts.identity.v1 import identity_service_pb2 as pb
from cahier_contracts.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from cahier_kernel.errors import Kind
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.ledger import Ledger

PASSWORD = "correct horse"
ELECTION = "01a0b0c0-0000-7000-8000-000000000001"


def registration(email: str = "ada@example.org", password: str = PASSWORD) -> Any:
    return pb.RegisterResidentRequest(email=email, display_name="Ada", password=password)


async def refusal(call: Any) -> ServiceError:
    with pytest.raises(ServiceError) as raised:
        await call
    assert raised.value.domain == "identity.cahier"
    return raised.value


async def access_token(stub: Any, email: str = "ada@example.org") -> str:
    session = await stub.SignIn(pb.SignInRequest(email=email, password=PASSWORD))
    request = pb.IssueAccessTokenRequest(session_token=session.session_token, audience="identity")
    return str((await stub.IssueAccessToken(request)).access_token)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds, for 20 seconds at most."""
    for _ in range(400):
        if await holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come true in 20 seconds")


async def relayed_ids(url: str, count: int) -> list[str]:
    """The ids of the first `count` messages of PUBLIC_IDENTITY, waiting for them."""
    client = await nats.connect(url)
    try:
        js = client.jetstream()

        async def all_there() -> bool:
            with contextlib.suppress(NotFoundError):
                return bool((await js.stream_info("PUBLIC_IDENTITY")).state.messages >= count)
            return False

        await until(all_there)
        messages = [await js.get_msg("PUBLIC_IDENTITY", seq=n + 1) for n in range(count)]
        return [str((message.headers or {})["ce-id"]) for message in messages]
    finally:
        await client.close()


async def test_a_resident_from_registration_to_a_vote_token(
    stub: Any, process: Any, roll: Callable[..., bytes]
) -> None:
    registered = await stub.RegisterResident(registration())
    token = await access_token(stub)
    csv = roll("X123,1980-02-29,31000,Centre")
    loaded = await stub.LoadCensusRoll(
        pb.LoadCensusRollRequest(csv=csv), token=process.token("admin")
    )
    assert loaded.rows == 1
    proof = pb.ProveResidenceRequest(
        document_number="x-123", birth_date="1980-02-29", postcode="31000"
    )
    proved = await stub.ProveResidence(proof, token=token)
    assert proved.district == "Centre"
    held = await stub.GetResident(
        pb.GetResidentRequest(resident_id=registered.resident_id), token=token
    )
    assert (held.display_name, held.verified, held.district) == ("Ada", True, "Centre")
    session = await stub.SignIn(pb.SignInRequest(email="ada@example.org", password=PASSWORD))
    vote = await stub.IssueAccessToken(
        pb.IssueAccessTokenRequest(
            session_token=session.session_token, audience="budget", election_id=ELECTION
        )
    )
    assert vote.expires_at.seconds > 0
    credentials = await stub.IssueCredentials(
        pb.IssueCredentialsRequest(election_id=ELECTION, resident_ids=[registered.resident_id]),
        token=process.token("importer"),
    )
    assert len(credentials.credentials) == 1
    ids = await relayed_ids(process.nats_url, 3)
    assert (ids[0], ids[2]) == (registered.event_id, proved.event_id)


async def test_each_command_is_for_its_role(shared: Any, city: Any) -> None:
    calls: list[tuple[Any, Any, str]] = [
        (shared.LoadCensusRoll, pb.LoadCensusRollRequest(), "admin"),
        (shared.ProveResidence, pb.ProveResidenceRequest(), "resident"),
        (shared.GrantRole, pb.GrantRoleRequest(), "admin"),
        (shared.RevokeRole, pb.RevokeRoleRequest(), "admin"),
        (shared.ImportResidents, pb.ImportResidentsRequest(), "importer"),
        (shared.IssueCredentials, pb.IssueCredentialsRequest(), "importer"),
        (shared.GetResident, pb.GetResidentRequest(), "staff"),
    ]
    for call, request, role in calls:
        assert (await refusal(call(request))).code == "token_missing"
        others = {"resident", "staff", "admin", "importer"} - {role}
        wrong = await refusal(call(request, token=city.token(*others)))
        assert (wrong.kind, wrong.code) == (Kind.FORBIDDEN, "role_required")
        right = await refusal(call(request, token=city.token(role)))
        assert right.kind is Kind.INVALID
        assert right.field


async def test_a_resident_is_seen_by_themselves_and_staff(shared: Any, city: Any) -> None:
    registered = await shared.RegisterResident(registration("seen@example.org"))
    await shared.RegisterResident(registration("eve@example.org"))
    request = pb.GetResidentRequest(resident_id=registered.resident_id)
    eve = await access_token(shared, "eve@example.org")
    assert (await refusal(shared.GetResident(request, token=eve))).code == "role_required"
    staff = await shared.GetResident(request, token=city.token("staff"))
    assert staff.display_name == "Ada"


async def test_a_repeated_command_has_one_effect_and_one_answer(shared: Any, city: Any) -> None:
    first = await shared.RegisterResident(registration("twice@example.org"), idempotency_key="key")
    again = await shared.RegisterResident(registration("twice@example.org"), idempotency_key="key")
    assert again == first
    other = registration("twice@example.org", "another horse")
    reused = await refusal(shared.RegisterResident(other, idempotency_key="key"))
    assert (reused.kind, reused.code) == (Kind.ALREADY_EXISTS, "idempotency_key_reused")
    grant = pb.GrantRoleRequest(resident_id=first.resident_id, role="staff")
    admin = city.token("admin")
    granted = [await shared.GrantRole(grant, token=admin, idempotency_key="key") for _ in range(2)]
    assert granted[0] == granted[1]
    taken = await refusal(shared.GrantRole(grant, token=admin))
    assert taken.code == "role_already_held"


async def test_a_refusal_names_code_field_and_rule(shared: Any) -> None:
    bad = await refusal(shared.RegisterResident(registration("rubbish")))
    assert (bad.kind, bad.code, bad.field) == (Kind.INVALID, "email_malformed", "email")
    assert bad.rule


async def test_what_was_acknowledged_survives_kill_9(process: Any) -> None:
    process.start()
    await asyncio.to_thread(process.wait_ready)
    acknowledged: dict[str, list[str]] = {}

    async def import_until_killed(caller: int) -> None:
        async with asyncio.timeout(20):
            channel = process.channel()
            stub, token = IdentityServiceStub(channel), process.token("importer")
            try:
                for number in range(10_000):
                    reference = f"{caller}-{number}"
                    request = pb.ImportResidentsRequest(source="s", references=[reference])
                    answer = await stub.ImportResidents(request, token=token)
                    acknowledged[reference] = list(answer.resident_ids)
            except ServiceError:
                pass
            finally:
                await channel.close()

    callers = [asyncio.create_task(import_until_killed(each)) for each in range(8)]

    async def enough() -> bool:
        return len(acknowledged) >= 100

    await until(enough)
    await asyncio.to_thread(process.end, signal.SIGKILL)
    await asyncio.gather(*callers)

    process.start()
    await asyncio.to_thread(process.wait_ready)
    channel = process.channel()
    stub, importer = IdentityServiceStub(channel), process.token("importer")
    ids = [each for answer in acknowledged.values() for each in answer]
    for start in range(0, len(ids), 1_000):
        some = ids[start : start + 1_000]
        request = pb.IssueCredentialsRequest(election_id=ELECTION, resident_ids=some)
        answer = await stub.IssueCredentials(request, token=importer)
        assert len(set(answer.credentials)) == len(some)
    await channel.close()

    with_unacknowledged = len(ids)
    relayed = await relayed_ids(process.nats_url, with_unacknowledged)
    assert len(set(relayed)) == with_unacknowledged
    assert await asyncio.to_thread(process.end) == 0
    ledger = Ledger.open(process.folder / "data" / "events.db")
    stored = [row.id for row in ledger.read_public(0, 20_000)]
    await ledger.close()
    assert await relayed_ids(process.nats_url, len(stored)) == stored


async def test_commands_work_while_the_broker_is_away(
    process: Any, broker: NatsServer, roll: Callable[..., bytes]
) -> None:
    broker.stop()
    process.start()
    await asyncio.to_thread(process.wait_ready)
    channel = process.channel()
    stub = IdentityServiceStub(channel)
    registered = await stub.RegisterResident(registration())
    csv = roll("X123,1980-02-29,31000,Centre")
    await stub.LoadCensusRoll(pb.LoadCensusRollRequest(csv=csv), token=process.token("admin"))
    await channel.close()
    url = f"http://127.0.0.1:{process.ports['http']}/readyz"
    with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
        readiness = msgspec.json.decode(answer.read())
    degraded = {"nats": "not connected"}
    assert readiness == {"status": "ready", "failing": {}, "degraded": degraded}
    broker.start()
    assert (await relayed_ids(broker.url, 2))[0] == registered.event_id


async def test_a_stop_relays_what_is_committed(stub: Any, process: Any) -> None:
    token = process.token("importer")
    references = [str(n) for n in range(1_000)]
    request = pb.ImportResidentsRequest(source="s", references=references)
    await stub.ImportResidents(request, token=token)
    assert await asyncio.to_thread(process.end) == 0
    assert len(set(await relayed_ids(process.nats_url, 1_000))) == 1_000


async def test_the_log_and_the_files_keep_what_is_personal(stub: Any, process: Any) -> None:
    await stub.RegisterResident(registration())
    await refusal(stub.SignIn(pb.SignInRequest(email="ada@example.org", password="wrong horse")))
    text = process.log.read_text()
    assert "ada@" not in text
    assert "horse" not in text
    data = process.folder / "data"
    for file in (data / "events.db", data / "keys" / "pseudonym.key", data / "keys" / "token.pem"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_health_and_metrics_answer(shared: Any, city: Any) -> None:
    await shared.RegisterResident(registration("metered@example.org"))

    def get(path: str) -> str:
        url = f"http://127.0.0.1:{city.ports['http']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.code)

    async def ready() -> bool:
        return '"status": "ready"' in await asyncio.to_thread(get, "/readyz")

    await until(ready)
    metrics = await asyncio.to_thread(get, "/metrics")
    appended = re.search(r"^cahier_ledger_events_appended_total (\d+)", metrics, re.MULTILINE)
    assert appended is not None
    assert int(appended[1]) >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "api"), "PostgreSQL"),
        (("--role", "cook"), "not roles"),
        (("rubbish",), "usage"),
    ],
)
def test_bad_arguments_and_roles_without_postgres_are_refused(
    process: Any, arguments: tuple[str, ...], said: str
) -> None:
    process.start(*arguments)
    assert process.exit_code() == 2
    assert said in process.log.read_text()


async def test_a_lost_pseudonym_key_stops_the_start(stub: Any, process: Any) -> None:
    await stub.RegisterResident(registration())
    await asyncio.to_thread(process.end)
    key = process.folder / "data" / "keys" / "pseudonym.key"
    kept = key.read_bytes()
    key.unlink()
    process.start()
    assert await asyncio.to_thread(process.exit_code) == 2
    assert "pseudonym.key is missing" in process.log.read_text()
    assert not key.exists()
    key.write_bytes(kept)
    process.start()
    await asyncio.to_thread(process.wait_ready)


def test_bad_settings_stop_the_start_and_are_named(process: Any) -> None:
    process.nats_url = ""
    process.settings = {"CITY": "Not a city", "GRPC_PORT": "70000"}
    process.start()
    assert process.exit_code() == 2
    log = process.log.read_text()
    assert "IDENTITY_CITY" in log
    assert "IDENTITY_GRPC_PORT" in log
    assert "Not a city" not in log
