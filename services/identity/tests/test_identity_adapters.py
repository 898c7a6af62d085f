"""Keys and hashes: what must never change, and what must never be made twice."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from cahier_chassis.keys import load_public_keys, write_key_pair
from cahier_chassis.tokens import TokenIssuer, TokenVerifier
from cahier_identity.adapters import tokens
from cahier_identity.adapters.census_rows import CensusView
from cahier_identity.adapters.passwords import Argon2Passwords
from cahier_identity.adapters.secrets import HmacSecrets
from cahier_identity.application.projections import CENSUS_VIEW, fold_census
from cahier_identity.domain.census import CensusProof
from cahier_kernel.errors import Unauthenticated, Unavailable
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger

KEY = bytes(range(32))
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def test_a_pseudonym_is_hmac_of_person_and_thing() -> None:
    digest = hmac.new(KEY, b"person\0election:1", hashlib.sha256).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert HmacSecrets(KEY).pseudonym("person", "election:1") == expected
    assert len(expected) == 43


def test_what_is_derived_from_the_key_stays_the_same() -> None:
    secrets = HmacSecrets(KEY)
    proof = CensusProof("X123", "1980-02-29", "31000")
    assert str(secrets.address_id("ada@example.org")) == "f5fb8da5-4de7-89a4-9c4e-fc379c48f060"
    assert secrets.census_key(proof) == "vWIg1euLrKqXUHd4-MpUrtSMW5OYxtOI6Hhc-ZjyC-A"
    assert secrets.fingerprint(b"secret") == "dYSFnzIFpSTwZMkEldxR0mUA4zvDstfjIRAe_ymi9CM"


def test_a_token_key_that_is_named_must_be_there_and_believed(tmp_path: Path) -> None:
    with pytest.raises(tokens.TokenKeyMissing):
        tokens.open_token_key(tmp_path / "none.pem", tmp_path)
    private, public = write_key_pair(tmp_path / "a", "token")
    _, other = write_key_pair(tmp_path / "b", "token")
    tokens.require_believed(private.read_bytes(), public)
    with pytest.raises(tokens.TokenKeyMissing):
        tokens.require_believed(private.read_bytes(), other)


def test_only_a_session_is_taken_for_one(tmp_path: Path) -> None:
    private, public = write_key_pair(tmp_path, "token")
    issuer = TokenIssuer(private.read_bytes(), issuer="demo")
    audience = tokens.SESSION_AUDIENCE
    verifier = TokenVerifier(load_public_keys(public), audience=audience, issuer="demo")
    jwt_tokens = tokens.JwtTokens(issuer, verifier, time.time)
    assert jwt_tokens.session_subject(jwt_tokens.session("ada")) == "ada"
    with pytest.raises(Unauthenticated) as refused:
        jwt_tokens.session_subject(issuer.issue("ada", audience=[audience]))
    assert refused.value.code == "not_a_session"


async def test_the_roll_is_empty_before_the_first_event(tmp_path: Path) -> None:
    views, ledger = ViewDatabase(tmp_path / "views.db"), Ledger.open(tmp_path / "events.db")
    census = CensusView(views, OwnProjection(ledger, views, CENSUS_VIEW, fold_census))
    await census.caught_up(0)
    assert (census.district("key"), census.known(["key"])) == (None, set())
    await ledger.close()
    views.close()


async def test_passwords_match_their_own_hash_only() -> None:
    passwords = Argon2Passwords(CHEAP)
    mine = await passwords.hash("correct horse")
    assert mine.startswith("$argon2id$")
    assert await passwords.verify(mine, "correct horse")
    assert not await passwords.verify(mine, "wrong horse")
    assert not await passwords.verify("", "nobody signs in with this")
    assert not await passwords.verify("rubbish", "correct horse")
    await passwords.close()


class Recording(PasswordHasher):
    """Argon2 that remembers which hashes it was asked to verify."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(str(hash))
        return super().verify(hash, password)


async def test_nobodys_password_costs_as_much_work_as_anybodys() -> None:
    hasher = Recording()
    passwords = Argon2Passwords(hasher)
    mine = await passwords.hash("correct horse")
    await passwords.verify(mine, "wrong horse")
    await passwords.verify("", "wrong horse")
    somebodys, nobodys = map(extract_parameters, hasher.verified)
    assert somebodys == nobodys
    await passwords.close()


async def test_more_sign_ins_than_can_wait_are_told_to_come_back() -> None:
    passwords = Argon2Passwords(CHEAP, waiting_max=3)
    tries = [passwords.hash("correct horse") for _ in range(5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    busy = [each for each in outcomes if isinstance(each, Unavailable)]
    assert [each.code for each in busy] == ["sign_in_busy"] * 2
    assert await passwords.hash("correct horse")
    await passwords.close()
