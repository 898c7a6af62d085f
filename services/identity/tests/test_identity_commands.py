"""Commands on a real ledger: accepted, refused, repeated, conflicting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cahier_identity.domain.census import ROLL_STREAM
from cahier_kernel.errors import DomainError
from cahier_ledger.model import Idempotency
from cahier_record.identity import events as public

ROW = "X123,1980-02-29,31000,Centre"
PROOF = ("x-123", "1980-02-29", "31 000")
NOBODY = "01a20291-2522-77b2-a7bc-9f5fa3d36b74"
Keep = Callable[[Any], Idempotency | None]
Roll = Callable[..., bytes]


async def refused(app: SimpleNamespace, command: Any, code: str) -> DomainError:
    """Awaits a refusal with this code that appends nothing."""
    before = app.ledger.head_seq()
    with pytest.raises(DomainError) as raised:
        await command
    assert (raised.value.code, app.ledger.head_seq()) == (code, before)
    return raised.value


@pytest.fixture
def register(app: SimpleNamespace, nothing_kept: Keep) -> Callable[..., Any]:
    async def run(email: str = "ada@example.org") -> str:
        done = await app.commands.register(email, "Ada", "correct horse", nothing_kept)
        return str(done.resident_id)

    return run


async def test_a_registration_is_public_under_a_pseudonym_only(
    app: SimpleNamespace, nothing_kept: Keep
) -> None:
    done = await app.commands.register("ada@example.org", "Ada", "correct horse", nothing_kept)
    (leaf,) = app.public()
    pseudonym = app.secrets.pseudonym(done.resident_id, "identity-log")
    assert leaf.event == public.ResidentRegistered(resident=pseudonym)
    assert leaf.id == done.event_id
    raw = app.ledger.read_public()[0].leaf
    for personal in (done.resident_id, "ada", "Ada", "example.org"):
        assert personal.encode() not in raw


async def test_one_account_an_address(app: SimpleNamespace, nothing_kept: Keep) -> None:
    register = app.commands.register
    await register("ada@example.org", "Ada", "correct horse", nothing_kept)
    again = register("ADA@Example.org", "Eve", "another horse", nothing_kept)
    assert (await refused(app, again, "email_taken")).field == "email"


async def test_two_at_once_make_one_account(app: SimpleNamespace, nothing_kept: Keep) -> None:
    tries = [
        app.commands.register("ada@example.org", "Ada", "correct horse", nothing_kept)
        for _ in range(8)
    ]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in outcomes) == 1
    assert {each.code for each in outcomes if isinstance(each, DomainError)} == {"email_taken"}
    assert len(app.public()) == 1


async def test_no_stored_byte_holds_the_password(app: SimpleNamespace, register: Any) -> None:
    await register()
    assert all(b"correct horse" not in event.data for event in app.ledger.read_all())


async def test_residence_is_proved_by_a_row(
    app: SimpleNamespace, register: Any, nothing_kept: Keep, roll: Roll
) -> None:
    ada = await register()
    assert await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept) == 1
    proved = await app.commands.prove_residence(ada, *PROOF, nothing_kept)
    held = await app.queries.resident(ada)
    assert (proved.district, held.verified, held.district) == ("Centre", True, "Centre")
    loaded, told = app.public()[1:]
    assert loaded.event == public.CensusRollLoaded(rows=1, districts=("Centre",), counts=(1,))
    assert (told.event.district, told.id) == ("Centre", proved.event_id)


async def test_the_roll_is_kept_as_keys_only(
    app: SimpleNamespace, nothing_kept: Keep, roll: Roll
) -> None:
    await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept)
    stored = b"".join(event.data for event in app.ledger.read_stream(ROLL_STREAM))
    assert b"X123" not in stored
    assert b"1980" not in stored
    assert b"31000" not in stored


async def test_a_row_that_is_not_on_the_roll_proves_nothing(
    app: SimpleNamespace, register: Any, nothing_kept: Keep
) -> None:
    prove = app.commands.prove_residence(await register(), *PROOF, nothing_kept)
    await refused(app, prove, "census_row_not_found")


async def test_a_row_proves_one_person(
    app: SimpleNamespace, register: Any, nothing_kept: Keep, roll: Roll
) -> None:
    await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept)
    people = [await register(f"{n}@example.org") for n in range(6)]
    tries = [app.commands.prove_residence(each, *PROOF, nothing_kept) for each in people]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    codes = [each.code for each in outcomes if isinstance(each, DomainError)]
    assert codes == ["census_row_taken"] * 5


async def test_residence_is_proved_once_whatever_the_row(
    app: SimpleNamespace, register: Any, nothing_kept: Keep, roll: Roll
) -> None:
    ada = await register()
    other = "Y99,1970-01-01,31000,Nord"
    await app.commands.load_census_roll(roll(ROW, other), "boss", nothing_kept)
    await app.commands.prove_residence(ada, *PROOF, nothing_kept)
    for proof in (PROOF, ("Y99", "1970-01-01", "31000"), ("Z99", "1970-01-01", "31000")):
        again = app.commands.prove_residence(ada, *proof, nothing_kept)
        await refused(app, again, "residence_already_proved")


async def test_guessing_at_the_roll_is_locked_after_ten_failures(
    app: SimpleNamespace, register: Any, nothing_kept: Keep, roll: Roll
) -> None:
    ada = await register()
    await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept)
    for _ in range(10):
        guess = app.commands.prove_residence(ada, "Z99", *PROOF[1:], nothing_kept)
        await refused(app, guess, "census_row_not_found")
    await refused(app, app.commands.prove_residence(ada, *PROOF, nothing_kept), "residence_locked")
    app.machine_s.now += 15 * 60 + 1
    await app.commands.prove_residence(ada, *PROOF, nothing_kept)


async def test_a_token_that_speaks_for_no_resident_proves_nothing(
    app: SimpleNamespace, nothing_kept: Keep, roll: Roll
) -> None:
    await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept)
    for subject in ("operator", NOBODY):
        prove = app.commands.prove_residence(subject, *PROOF, nothing_kept)
        await refused(app, prove, "resident_not_found")


async def test_one_bad_or_known_row_refuses_the_whole_file(
    app: SimpleNamespace, nothing_kept: Keep, roll: Roll
) -> None:
    load = app.commands.load_census_roll
    await load(roll(ROW), "boss", nothing_kept)
    fresh = "Y99,1970-01-01,31000,Nord"
    known = await refused(app, load(roll(fresh, ROW), "boss", nothing_kept), "census_row_doubled")
    assert known.params == {"line": "3"}
    await refused(app, load(roll(fresh, "x"), "boss", nothing_kept), "census_row_malformed")
    assert await load(roll(fresh), "boss", nothing_kept) == 1


async def test_loads_at_once_never_double_a_row(
    app: SimpleNamespace, nothing_kept: Keep, roll: Roll
) -> None:
    files = [roll(ROW, f"Y{n:02}x,1970-01-01,31000,Nord") for n in range(3)]
    loads = [app.commands.load_census_roll(each, "boss", nothing_kept) for each in files]
    outcomes = await asyncio.gather(*loads, return_exceptions=True)
    codes = [each.code for each in outcomes if isinstance(each, DomainError)]
    assert codes == ["census_row_doubled"] * 2
    assert [leaf.event.rows for leaf in app.public()] == [2]


async def test_roles_are_granted_and_revoked_in_public(
    app: SimpleNamespace, register: Any, nothing_kept: Keep
) -> None:
    ada = await register()
    granted = await app.commands.grant_role(ada, "staff", "boss", nothing_kept)
    assert (await app.queries.resident(ada)).roles == ("staff",)
    again = app.commands.grant_role(ada, "staff", "boss", nothing_kept)
    await refused(app, again, "role_already_held")
    revoked = await app.commands.revoke_role(ada, "staff", "boss", nothing_kept)
    assert (await app.queries.resident(ada)).roles == ()
    assert [leaf.id for leaf in app.public()[1:]] == [granted, revoked]


async def test_a_role_needs_a_resident_and_a_name(app: SimpleNamespace, nothing_kept: Keep) -> None:
    for command in (app.commands.grant_role, app.commands.revoke_role):
        await refused(app, command(NOBODY, "staff", "boss", nothing_kept), "resident_not_found")
        await refused(app, command("x", "staff", "boss", nothing_kept), "id_malformed")
        await refused(app, command(NOBODY, "king", "boss", nothing_kept), "role_unknown")


async def test_two_roles_granted_at_once_are_both_held(
    app: SimpleNamespace, register: Any, nothing_kept: Keep
) -> None:
    ada = await register()
    await asyncio.gather(
        *(app.commands.grant_role(ada, role, "boss", nothing_kept) for role in ("staff", "admin"))
    )
    assert (await app.queries.resident(ada)).roles == ("admin", "staff")


async def test_a_repeated_import_meets_the_same_residents(
    app: SimpleNamespace, nothing_kept: Keep
) -> None:
    first = await app.commands.import_residents("toulouse", ["1", "2", "2"], nothing_kept)
    assert first[1] == first[2]
    more = await app.commands.import_residents("toulouse", ["3", "1"], nothing_kept)
    assert more[1] == first[0]
    assert [leaf.event.imported for leaf in app.public()] == [True] * 3
    other = await app.commands.import_residents("lyon", ["1"], nothing_kept)
    assert other[0] not in first


async def test_an_import_is_bounded_and_checked(app: SimpleNamespace, nothing_kept: Keep) -> None:
    run = app.commands.import_residents
    await refused(app, run("toulouse", [], nothing_kept), "references_count")
    await refused(app, run("toulouse", ["1"] * 1001, nothing_kept), "references_count")
    await refused(app, run("", ["1"], nothing_kept), "source_malformed")
    await refused(app, run("toulouse", ["1", " "], nothing_kept), "references_malformed")
    await refused(app, run("toulouse", ["1" * 101], nothing_kept), "references_malformed")


async def test_a_thousand_voters_are_one_append(app: SimpleNamespace, nothing_kept: Keep) -> None:
    references = [str(n) for n in range(1_000)]
    ids = await app.commands.import_residents("toulouse", references, nothing_kept)
    assert (len(set(ids)), app.ledger.public_head()) == (1_000, 1_000)


async def test_an_answer_is_kept_with_the_append(app: SimpleNamespace, roll: Roll) -> None:
    def keep(result: Any) -> Idempotency:
        return Idempotency("key", b"digest", str(result).encode())

    await app.commands.load_census_roll(roll(ROW), "boss", keep)
    kept = app.ledger.recall("key")
    assert kept is not None
    assert kept.response == b"1"
    await refused(app, app.commands.import_residents("x", ["1"], keep), "idempotency_key_used")
