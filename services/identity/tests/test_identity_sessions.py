"""Signing in, and what each token says of its bearer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cahier_identity.application.attempts import Attempts
from cahier_identity.application.sessions import AUDIENCES
from cahier_kernel.errors import DomainError

ROW = "X123,1980-02-29,31000,Centre"
PROOF = ("X123", "1980-02-29", "31000")
ELECTION = "01a0b0c0-0000-7000-8000-000000000001"
PASSWORD = "correct horse"


async def code_of(command: Any) -> str:
    with pytest.raises(DomainError) as raised:
        await command
    return raised.value.code


@pytest.fixture
async def ada(app: SimpleNamespace, nothing_kept: Any) -> str:
    done = await app.commands.register("ada@example.org", "Ada", PASSWORD, nothing_kept)
    return str(done.resident_id)


@pytest.fixture
async def proved(
    app: SimpleNamespace, ada: str, nothing_kept: Any, roll: Callable[..., bytes]
) -> str:
    await app.commands.load_census_roll(roll(ROW), "boss", nothing_kept)
    await app.commands.prove_residence(ada, *PROOF, nothing_kept)
    return ada


async def test_the_password_opens_a_session(app: SimpleNamespace, ada: str) -> None:
    session = await app.sessions.sign_in("ADA@example.org ", PASSWORD)
    assert (session.resident_id, session.display_name, session.roles) == (ada, "Ada", ())


async def test_unknown_address_and_wrong_password_are_refused_alike(
    app: SimpleNamespace, ada: str
) -> None:
    cases = [("ada@example.org", "wrong horse"), ("eve@example.org", PASSWORD), ("", "")]
    cases += [("x" * 300, PASSWORD), ("ada@example.org", "x" * 10_000), ("ada@example.org", "")]
    for email, password in cases:
        assert await code_of(app.sessions.sign_in(email, password)) == "sign_in_refused"


async def test_ten_failures_lock_an_address_for_a_while(app: SimpleNamespace, ada: str) -> None:
    for address in ("ada@example.org", "nobody@example.org"):
        tries = [app.sessions.sign_in(address, "wrong horse") for _ in range(10)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert {each.code for each in outcomes} == {"sign_in_refused"}
        assert await code_of(app.sessions.sign_in(address, PASSWORD)) == "sign_in_locked"
    app.machine_s.now += 15 * 60 + 1
    assert (await app.sessions.sign_in("ada@example.org", PASSWORD)).resident_id == ada


async def test_a_success_forgets_failures(app: SimpleNamespace, ada: str) -> None:
    for _ in range(3):
        for _ in range(9):
            await code_of(app.sessions.sign_in("ada@example.org", "wrong horse"))
        await app.sessions.sign_in("ada@example.org", PASSWORD)


def test_attempts_are_bounded_in_memory() -> None:
    attempts = Attempts(failures_max=1, keys_max=3, now_s=lambda: 0.0)
    for key in range(4):
        assert attempts.begin(key) == 0.0
    assert attempts.begin(0) == 0.0  # forgotten, the oldest
    assert attempts.begin(3) > 0.0


async def test_an_access_token_says_what_holds_now(
    app: SimpleNamespace, proved: str, nothing_kept: Any
) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    await app.commands.grant_role(proved, "staff", "boss", nothing_kept)
    issued = await app.sessions.access_token(session, "consultation", "")
    claims = app.verify(issued.token, "consultation")
    assert (claims.subject, claims.roles) == (proved, {"resident", "staff"})
    assert (claims.verified, claims.district, claims.thing) == (True, "Centre", "")
    assert not claims.session
    assert issued.expires_at <= claims.expires_at
    await app.commands.revoke_role(proved, "staff", "boss", nothing_kept)
    later = await app.sessions.access_token(session, "consultation", "")
    assert app.verify(later.token, "consultation").roles == {"resident"}


async def test_only_the_service_that_writes_mails_learns_the_address(
    app: SimpleNamespace, proved: str
) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    for audience in sorted(AUDIENCES):
        issued = await app.sessions.access_token(session, audience, "")
        told = app.verify(issued.token, audience).email
        assert told == ("ada@example.org" if audience == "notifications" else ""), audience
    issued = await app.sessions.access_token(session, "budget", ELECTION)
    assert app.verify(issued.token, "budget").email == ""


async def test_a_vote_token_names_no_person(app: SimpleNamespace, proved: str) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    issued = await app.sessions.access_token(session, "budget", ELECTION)
    claims = app.verify(issued.token, "budget")
    thing = f"election:{ELECTION}"
    assert claims.subject == app.secrets.pseudonym(proved, thing)
    assert (claims.thing, claims.roles, claims.verified) == (thing, frozenset(), True)
    assert claims.district == ""
    assert await app.queries.credentials(ELECTION, [proved]) == [claims.subject]


async def test_who_has_not_proved_residence_gets_no_vote_token(
    app: SimpleNamespace, ada: str
) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    token = app.sessions.access_token
    assert await code_of(token(session, "budget", ELECTION)) == "residence_not_proved"
    assert not app.verify((await token(session, "budget", "")).token, "budget").verified


async def test_a_session_opens_only_what_it_names(app: SimpleNamespace, proved: str) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    token = app.sessions.access_token
    for audience in ("", "identity.session", "portal", "Budget"):
        assert await code_of(token(session, audience, "")) == "audience_unknown"
    assert await code_of(token(session, "consultation", ELECTION)) == "election_not_expected"
    assert await code_of(token(session, "budget", "x")) == "id_malformed"


async def test_an_access_token_is_no_session(app: SimpleNamespace, ada: str) -> None:
    session = (await app.sessions.sign_in("ada@example.org", PASSWORD)).token
    access = (await app.sessions.access_token(session, "identity", "")).token
    assert await code_of(app.sessions.access_token(access, "budget", "")) == "token_audience"
    assert await code_of(app.sessions.access_token("", "budget", "")) == "token_missing"
    for service in ("identity", "budget"):
        with pytest.raises(DomainError):
            app.verify(session, service)


async def test_credentials_are_for_voters_only(
    app: SimpleNamespace, ada: str, nothing_kept: Any
) -> None:
    (voter,) = await app.commands.import_residents("toulouse", ["1"], nothing_kept)
    run = app.queries.credentials
    (credential,) = await run(ELECTION, [voter])
    assert len(credential) == 43
    assert await run(ELECTION.replace("1", "2"), [voter]) != [credential]
    assert await code_of(run(ELECTION, [voter, ada])) == "residence_not_proved"
    assert await code_of(run(ELECTION, [ELECTION])) == "resident_not_found"
    assert await code_of(run(ELECTION, [])) == "resident_ids_count"
    assert await code_of(run(ELECTION, [voter] * 1001)) == "resident_ids_count"
    assert await code_of(run("x", [voter])) == "id_malformed"


async def test_an_imported_voter_shows_no_name(app: SimpleNamespace, nothing_kept: Any) -> None:
    (voter,) = await app.commands.import_residents("toulouse", ["1"], nothing_kept)
    held = await app.queries.resident(voter)
    assert (held.display_name, held.roles, held.verified, held.district) == ("", (), False, "")


async def test_identitys_events_have_nothing_to_disclose(app: SimpleNamespace, ada: str) -> None:
    (leaf,) = app.public()
    assert leaf.digests == ()
    assert await app.queries.disclosures(leaf.id) == []
    assert await code_of(app.queries.disclosures("x")) == "event_not_found"
