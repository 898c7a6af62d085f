"""A person is forgotten: at once, for good, and again after an old database was put back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from cahier_chassis.erasing import confirmation_id
from cahier_chassis.erasures import ErasureList, ErasureListUnreadable, Order
from cahier_identity.adapters.subject_keys import (
    CACHE_S,
    KeyEncryptionKeyUnusable,
    SubjectKeys,
    key_encryption_keys,
)
from cahier_identity.application.erasing import Erasing
from cahier_identity.application.erasures import OTHERS
from cahier_identity.application.retention import Retention
from cahier_identity.application.sealing import SealingMapper
from cahier_identity.domain.resident import Resident
from cahier_kernel import base64url
from cahier_kernel.errors import DomainError
from cahier_kernel.texts import ERASED
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.database import SqliteDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend
from cahier_record.erasure import subject_digest

MAIL, NAME, PASSWORD = "jeanne.canari@example.org", "Jeanne Canari", "correct horse battery"


async def code_of(awaitable: Any) -> str:
    with pytest.raises(DomainError) as caught:
        await awaitable
    return caught.value.code


def files_with(folder: Path, *canaries: str) -> list[str]:
    return sorted(
        file.name
        for file in folder.rglob("*")
        if file.is_file() and any(each.encode() in file.read_bytes() for each in canaries)
    )


@pytest.fixture
async def jeanne(app: SimpleNamespace, nothing_kept: Any) -> str:
    return (await app.commands.register(MAIL, NAME, PASSWORD, nothing_kept)).resident_id


async def test_what_identity_stores_of_a_person_is_unreadable_without_their_key(
    app: SimpleNamespace, jeanne: str
) -> None:
    assert (await app.queries.resident(jeanne)).display_name == NAME
    (stored,) = app.ledger.read_stream(jeanne)
    assert NAME.encode() not in stored.data
    assert files_with(app.folder, MAIL, NAME, "argon2id$v") == []


async def test_a_forgotten_person_cannot_sign_in_and_has_no_session(
    app: SimpleNamespace, jeanne: str
) -> None:
    session = await app.sessions.sign_in(MAIL, PASSWORD)
    await app.erasing.order(jeanne, "request", jeanne)
    assert await code_of(app.sessions.sign_in(MAIL, PASSWORD)) == "sign_in_refused"
    denied = app.sessions.access_token(session.token, "consultation", "")
    assert await code_of(denied) == "session_unknown"
    assert (await app.queries.resident(jeanne)).display_name == ERASED


async def test_the_order_and_the_first_confirmation_are_public_and_name_nobody(
    app: SimpleNamespace, jeanne: str
) -> None:
    done = await app.erasing.order(jeanne, "request", jeanne)
    ordered, confirmed = app.public()[-2:]
    assert (ordered.id, ordered.event.basis) == (done.event_id, "request")
    assert ordered.event.subject_digest == subject_digest(jeanne)
    assert (confirmed.event.erasure, confirmed.event.erased) == (done.erasure, 4)
    assert all(jeanne.encode() not in row.leaf for row in app.ledger.read_public())


async def test_repeating_the_order_changes_nothing(app: SimpleNamespace, jeanne: str) -> None:
    first = await app.erasing.order(jeanne, "request", jeanne)
    head = app.ledger.head_seq()
    assert await app.erasing.order(jeanne, "order", "admin") == first
    assert app.ledger.head_seq() == head


@pytest.mark.parametrize(
    ("who", "basis", "code"),
    [
        ("nobody", "request", "id_malformed"),
        ("01a20291-2522-758c-9184-e3aa32402cca", "request", "resident_not_found"),
        ("01a20291-2522-758c-9184-e3aa32402cca", "because", "basis_unknown"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    app: SimpleNamespace, who: str, basis: str, code: str
) -> None:
    assert await code_of(app.erasing.order(who, basis, "admin")) == code
    assert ErasureList(app.folder / "erasures" / "list").orders() == []


async def test_the_address_is_free_again_and_the_new_account_knows_nothing_of_the_old(
    app: SimpleNamespace, jeanne: str, nothing_kept: Any
) -> None:
    await app.erasing.order(jeanne, "request", jeanne)
    again = await app.commands.register(MAIL, "Somebody", PASSWORD, nothing_kept)
    assert again.resident_id != jeanne
    assert (await app.sessions.sign_in(MAIL, PASSWORD)).resident_id == again.resident_id
    taken = app.commands.register(MAIL, "Third", PASSWORD, nothing_kept)
    assert await code_of(taken) == "email_taken"
    await app.erasing.order(again.resident_id, "request", again.resident_id)
    assert await code_of(app.sessions.sign_in(MAIL, PASSWORD)) == "sign_in_refused"


async def test_nothing_says_any_more_whose_the_address_was(
    app: SimpleNamespace, jeanne: str
) -> None:
    holder = str(app.secrets.address_id(MAIL))
    await app.erasing.order(jeanne, "request", jeanne)
    (taken,) = app.ledger.read_stream(holder)
    assert jeanne.encode() not in taken.data
    assert app.ledger.disclosures(f"{holder}@1") == []


async def test_roles_end_and_a_proved_census_row_is_kept_until_its_day(
    app: SimpleNamespace, jeanne: str, nothing_kept: Any, roll: Any
) -> None:
    await app.commands.load_census_roll(roll("X1234,1980-01-31,31000,Centre"), "op", nothing_kept)
    proof = ("X1234", "1980-01-31", "31000")
    await app.commands.prove_residence(jeanne, *proof, nothing_kept)
    await app.commands.grant_role(jeanne, "staff", "op", nothing_kept)
    await app.erasing.order(jeanne, "request", jeanne)
    kinds = [type(leaf.event).__name__ for leaf in app.public()[-3:]]
    assert kinds == ["RoleRevoked", "ErasureOrdered", "ErasureConfirmed"]
    (kept,) = app.public()[-1].event.kept
    assert (kept.what, kept.until, kept.basis) == ("census_row", "2027-03-01", "electoral_register")
    voters = app.queries.credentials("01a20291-2522-758c-9184-e3aa32402cca", [jeanne])
    assert await code_of(voters) == "residence_not_proved"
    granted = app.commands.grant_role(jeanne, "staff", "op", nothing_kept)
    assert await code_of(granted) == "person_erased"


async def test_when_its_day_has_passed_the_census_row_is_free_and_says_nothing_any_more(
    app: SimpleNamespace, jeanne: str, nothing_kept: Any, roll: Any
) -> None:
    await app.commands.load_census_roll(roll("X1234,1980-01-31,31000,Centre"), "op", nothing_kept)
    proof = ("X1234", "1980-01-31", "31000")
    await app.commands.prove_residence(jeanne, *proof, nothing_kept)
    await app.erasing.order(jeanne, "request", jeanne)
    again = await app.commands.register(MAIL, "Again", PASSWORD, nothing_kept)
    retention = Retention(app.ledger, app.census, app.clock)
    await app.census.caught_up(app.ledger.head_seq())
    (place,) = app.census.places_of(subject_digest(jeanne))
    for days, freed in ((365, False), (366, True)):
        await app.census.caught_up(app.ledger.head_seq())
        await retention.run_due(app.clock.now() + timedelta(days=days))
        assert (app.ledger.disclosures(place) == []) is freed
        proving = app.commands.prove_residence(again.resident_id, *proof, nothing_kept)
        if not freed:
            assert await code_of(proving) == "census_row_taken"
    assert (await proving).district == "Centre"
    await app.census.caught_up(app.ledger.head_seq())
    head = app.ledger.head_seq()
    await retention.run_due(app.clock.now() + timedelta(days=400))
    assert app.ledger.head_seq() == head


async def test_an_imported_voter_can_be_forgotten(app: SimpleNamespace, nothing_kept: Any) -> None:
    (voter,) = await app.commands.import_residents("a.pb", ["CANARY-17"], nothing_kept)
    assert files_with(app.folder, "CANARY-17")
    await app.erasing.order(voter, "order", "admin")
    assert files_with(app.folder, "CANARY-17") == []


async def test_an_account_that_an_older_release_stored_in_clear_is_erased_too(
    app: SimpleNamespace, nothing_kept: Any
) -> None:
    jeanne = (await app.commands.register(MAIL, NAME, PASSWORD, nothing_kept)).resident_id
    sealed = msgspec.json.decode(app.ledger.read_stream(jeanne)[0].data)
    old = "01a20291-2522-758c-9184-e3aa32402cca"
    clear = {**sealed, "email": "old@example.org", "display_name": "Old Canary"}
    clear["password_hash"] = "$argon2id$..."
    event = NewEvent(Resident.Created.TOPIC, msgspec.json.encode(clear))
    await app.ledger.append(Append((StreamAppend(old, 0, (event,)),)))
    assert (await app.queries.resident(old)).display_name == "Old Canary"
    await app.erasing.order(old, "request", old)
    assert (await app.queries.resident(old)).display_name == ERASED
    assert files_with(app.folder, "Old Canary", "old@example.org") == []


async def test_a_person_gets_all_that_is_held_but_not_the_hash_of_their_password(
    app: SimpleNamespace, jeanne: str
) -> None:
    (account,) = await app.exporting.held(jeanne)
    assert account.kind == "registered"
    assert account.values["email"] == MAIL
    assert account.values["display_name"] == NAME
    assert account.values["password_hash"] == "(argon2id)"
    unknown = app.exporting.held("01a20291-2522-758c-9184-e3aa32402cca")
    assert await code_of(unknown) == "resident_not_found"


async def test_the_report_waits_for_every_service(app: SimpleNamespace, jeanne: str) -> None:
    done = await app.erasing.order(jeanne, "request", jeanne)
    report = await app.erasures.report(done.erasure)
    assert not report.complete
    assert [each.service for each in report.services] == ["identity", *OTHERS]
    assert report.services[0].event_id == confirmation_id("identity", done.erasure)
    unknown = app.erasures.report("01a20291-2522-758c-9184-e3aa32402cca")
    assert await code_of(unknown) == "erasure_not_found"


async def test_a_database_from_before_the_erasure_forgets_again_at_its_start(
    app: SimpleNamespace, jeanne: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("events.db", "subject_keys.db"):
        source = sqlite3.connect(app.folder / name)
        with sqlite3.connect(backup / name) as copy:
            source.backup(copy)
        source.close()
    done = await app.erasing.order(jeanne, "request", jeanne)
    ledger = Ledger.open(backup / "events.db")
    database = SqliteDatabase(backup / "subject_keys.db", durable=True)
    keys = SubjectKeys(database, [bytes(32)])
    aggregates = Aggregates(ledger, "identity", lambda *_: None, str, mapper=SealingMapper(keys))
    before = await asyncio.to_thread(aggregates.get, Resident, UUID(jeanne))
    assert before.display_name == NAME
    restored = Erasing(
        ledger,
        aggregates,
        clock=app.clock,
        secrets=app.secrets,
        keys=SubjectKeys(database, [bytes(32)]),
        erasures=ErasureList(app.folder / "erasures" / "list"),
        keep_census_row=timedelta(days=365),
    )
    for _ in range(2):
        await asyncio.to_thread(restored.replay)
    fresh = Aggregates(
        ledger,
        "identity",
        lambda *_: None,
        str,
        mapper=SealingMapper(SubjectKeys(database, [bytes(32)])),
    )
    after = await asyncio.to_thread(fresh.get, Resident, UUID(jeanne))
    assert (after.display_name, after.erasure) == (ERASED, done.erasure)
    assert ledger.disclosures(f"{app.secrets.address_id(MAIL)}@1") == []
    await ledger.close()
    database.close()


class TestSubjectKeys:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Any:
        database = SqliteDatabase(tmp_path / "keys" / "k.db", durable=True)
        yield database
        database.close()

    def test_a_sealed_value_opens_only_where_it_was_sealed(self, database: Any) -> None:
        keys = SubjectKeys(database, [bytes(32)])
        sealed = keys.seal("ada", "stream\0001", "secret")
        assert keys.open("ada", "stream\0001", sealed) == "secret"
        with pytest.raises(ValueError, match="does not belong"):
            keys.open("ada", "stream\0002", sealed)
        keys.seal("bob", "x", "y")
        with pytest.raises(ValueError, match="does not belong"):
            keys.open("bob", "stream\0001", sealed)

    def test_an_erased_key_reads_erased_and_never_comes_back(self, database: Any) -> None:
        keys = SubjectKeys(database, [bytes(32)])
        sealed = keys.seal("ada", "c", "secret")
        keys.erase("ada")
        assert keys.open("ada", "c", sealed) == ERASED
        with pytest.raises(DomainError, match="person_erased"):
            keys.seal("ada", "c", "more")

    def test_a_key_that_is_missing_is_no_erasure(self, database: Any) -> None:
        keys = SubjectKeys(database, [bytes(32)])
        sealed = keys.seal("ada", "c", "secret")
        with pytest.raises(DomainError, match="subject_key_missing"):
            keys.open("bob", "c", sealed)

    def test_another_process_forgets_a_key_within_minutes(self, database: Any) -> None:
        now = SimpleNamespace(s=0.0)
        one = SubjectKeys(database, [bytes(32)])
        other = SubjectKeys(database, [bytes(32)], now_s=lambda: now.s)
        sealed = one.seal("ada", "c", "secret")
        assert other.open("ada", "c", sealed) == "secret"
        one.erase("ada")
        now.s = CACHE_S
        assert other.open("ada", "c", sealed) == ERASED

    def test_a_changed_key_encryption_key_still_opens_with_the_older_beside_it(
        self, database: Any
    ) -> None:
        old, new = os.urandom(32), os.urandom(32)
        sealed = SubjectKeys(database, [old]).seal("ada", "c", "secret")
        assert SubjectKeys(database, [new, old]).open("ada", "c", sealed) == "secret"
        with pytest.raises(KeyEncryptionKeyUnusable):
            SubjectKeys(database, [new])

    def test_the_wrapped_key_is_gone_from_the_files_after_erasure(
        self, database: Any, tmp_path: Path
    ) -> None:
        keys = SubjectKeys(database, [bytes(32)])
        keys.seal("ada", "c", "secret")
        wrapped = bytes(database.fetch_one("SELECT wrapped FROM subject_keys")[0])
        assert any(wrapped in file.read_bytes() for file in (tmp_path / "keys").iterdir())
        keys.erase("ada")
        assert not any(wrapped in file.read_bytes() for file in (tmp_path / "keys").iterdir())

    def test_keys_are_given_as_base64url_or_lie_in_a_file(self, tmp_path: Path) -> None:
        given = SecretStr(f"{base64url.encode(bytes(32))}, {base64url.encode(b'x' * 32)}")
        assert key_encryption_keys(given, tmp_path / "no", may_make=False) == [
            bytes(32),
            b"x" * 32,
        ]
        made = key_encryption_keys(None, tmp_path / "kek", may_make=True)
        assert key_encryption_keys(None, tmp_path / "kek", may_make=False) == made
        for bad in ("short", "***"):
            with pytest.raises(KeyEncryptionKeyUnusable):
                key_encryption_keys(SecretStr(bad), tmp_path / "no", may_make=False)


class TestErasureList:
    def test_a_person_stands_on_it_once(self, tmp_path: Path) -> None:
        erasures = ErasureList(tmp_path / "deep" / "list")
        first = Order(erasure="e1", subject="s", basis="request")
        assert erasures.add(first) == first
        assert erasures.add(Order(erasure="e2", subject="s", basis="order")) == first
        assert erasures.orders() == [first]

    def test_a_line_that_a_crash_cut_is_dropped(self, tmp_path: Path) -> None:
        erasures = ErasureList(tmp_path / "list")
        first = erasures.add(Order(erasure="e1", subject="s", basis="request"))
        with (tmp_path / "list").open("ab") as file:
            file.write(b'{"erasure":"e2"')
        second = erasures.add(Order(erasure="e3", subject="t", basis="request"))
        assert erasures.orders() == [first, second]

    def test_what_is_no_order_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "list").write_text("hello\n")
        with pytest.raises(ErasureListUnreadable):
            ErasureList(tmp_path / "list").orders()
