"""Tokens: who is believed, for how long, and what everybody else is told."""

from __future__ import annotations

import base64
import json
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cahier_chassis import tokens
from cahier_chassis.keys import load_public_keys, write_key_pair
from cahier_chassis.tokens import LEEWAY_S, Claims, TokenIssuer, TokenVerifier, require_role
from cahier_kernel.clock import FileClock
from cahier_kernel.errors import Forbidden, Unauthenticated


class Seconds:
    """The machine's clock of a test, in seconds."""

    def __init__(self) -> None:
        self.now_s = time.time()

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def timed(keys: SimpleNamespace, seconds: Seconds) -> SimpleNamespace:
    public = load_public_keys(keys.folder)
    return SimpleNamespace(
        issuer=TokenIssuer(keys.pem, issuer="demo", now_s=seconds),
        verifier=TokenVerifier(public, audience="budget", issuer="demo", now_s=seconds),
    )


def code(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(token)
    return refused.value.code


def test_a_token_says_what_it_was_issued_with(timed: SimpleNamespace) -> None:
    token = timed.issuer.issue(
        "pseudonym-1",
        roles=["resident"],
        audience=["budget", "consultation"],
        thing="election-1",
        district="north",
        verified=True,
        session=True,
        email="ada@example.org",
    )
    claims = timed.verifier.verify(token)
    assert claims == Claims(
        subject="pseudonym-1",
        roles=frozenset({"resident"}),
        thing="election-1",
        district="north",
        verified=True,
        session=True,
        expires_at=claims.expires_at,
        email="ada@example.org",
    )
    assert claims.expires_at.tzinfo is not None


def test_a_token_lives_five_minutes_also_in_the_memory_of_verified_ones(
    timed: SimpleNamespace, seconds: Seconds
) -> None:
    token = timed.issuer.issue("p", audience=["budget"])
    seconds.now_s += 300 + LEEWAY_S - 1
    timed.verifier.verify(token)
    timed.verifier.verify(token)
    seconds.now_s += 1
    assert code(timed.verifier, token) == "token_expired"


def test_the_development_clock_does_not_age_tokens(tmp_path: Path, keys: SimpleNamespace) -> None:
    clock = FileClock(tmp_path / "clock")
    (tmp_path / "clock").write_text("86400")
    assert clock.now().timestamp() > time.time() + 80_000
    verifier = TokenVerifier(load_public_keys(keys.folder), audience="budget", issuer="demo")
    verifier.verify(TokenIssuer(keys.pem, issuer="demo").issue("p", audience=["budget"]))


def test_a_token_for_another_service_or_city_is_refused(
    timed: SimpleNamespace, keys: SimpleNamespace
) -> None:
    elsewhere = TokenIssuer(keys.pem, issuer="other")
    assert code(timed.verifier, timed.issuer.issue("p", audience=["identity"])) == "token_audience"
    assert code(timed.verifier, elsewhere.issue("p", audience=["budget"])) == "token_audience"


def test_a_strangers_or_altered_signature_is_refused(
    timed: SimpleNamespace, tmp_path: Path
) -> None:
    private, _ = write_key_pair(tmp_path / "stranger", "tokens")
    stranger = TokenIssuer(private.read_bytes(), issuer="demo")
    assert code(timed.verifier, stranger.issue("p", audience=["budget"])) == "token_signature"
    head, _, signature = timed.issuer.issue("p", audience=["budget"]).split(".")
    body = timed.issuer.issue("q", roles=["admin"], audience=["budget"]).split(".")[1]
    assert code(timed.verifier, f"{head}.{body}.{signature}") == "token_signature"


def unsigned(header: dict[str, object], payload: dict[str, object]) -> str:
    parts = (json.dumps(each).encode() for each in (header, payload))
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts) + "."


def test_a_token_without_a_signature_is_refused(
    timed: SimpleNamespace, keys: SimpleNamespace
) -> None:
    (key_id,) = load_public_keys(keys.folder)
    payload = {"iss": "demo", "sub": "p", "aud": ["budget"], "iat": 1, "exp": 1 << 35}
    for algorithm in ("none", "HS256"):
        token = unsigned({"alg": algorithm, "typ": "JWT", "kid": key_id}, payload)
        assert code(timed.verifier, token) in ("token_malformed", "token_signature")


@pytest.mark.parametrize("text", ["x", "a.b.c", "é", "." * 10, "x" * 5_000, "e30.e30.e30"])
def test_what_is_no_token_is_malformed(timed: SimpleNamespace, text: str) -> None:
    assert code(timed.verifier, text) in ("token_malformed", "token_signature")


def test_an_empty_token_is_missing(timed: SimpleNamespace) -> None:
    assert code(timed.verifier, "") == "token_missing"


@pytest.mark.parametrize(
    "header", [{"alg": "HS256"}, {"alg": "none"}, {"crit": ["b64"]}, {"kid": 5}]
)
def test_a_signed_token_with_a_header_that_we_do_not_speak_is_malformed(
    timed: SimpleNamespace, keys: SimpleNamespace, header: dict[str, object]
) -> None:
    (key_id,) = load_public_keys(keys.folder)
    payload = {"iss": "demo", "sub": "p", "aud": ["budget"], "iat": 1, "exp": 1 << 35}
    said = {"alg": "EdDSA", "typ": "JWT", "kid": key_id}

    def signed(header: dict[str, object]) -> str:
        text = unsigned(header, payload)[:-1]
        key = load_pem_private_key(keys.pem, password=None)
        signature = base64.urlsafe_b64encode(key.sign(text.encode()))
        return f"{text}.{signature.decode().rstrip('=')}"

    assert timed.verifier.verify(signed(said)).subject == "p"
    assert code(timed.verifier, signed(said | header)) == "token_malformed"


@pytest.mark.parametrize("gone", ["iss", "sub", "aud", "exp"])
def test_a_signed_token_that_lacks_a_claim_is_malformed(
    timed: SimpleNamespace, keys: SimpleNamespace, gone: str
) -> None:
    (key_id,) = load_public_keys(keys.folder)
    payload = {"iss": "demo", "sub": "p", "aud": ["budget"], "iat": 1, "exp": 1 << 35}
    del payload[gone]
    token = jwt.encode(payload, keys.pem.decode(), algorithm="EdDSA", headers={"kid": key_id})
    assert code(timed.verifier, token) == "token_malformed"


@pytest.mark.parametrize(
    "wrong",
    [{"exp": "soon"}, {"roles": 5}, {"roles": [[]]}, {"aud": 5}, {"exp": 1 << 60}, {"sub": ""}],
)
def test_a_signed_token_with_a_claim_of_another_type_is_malformed(
    timed: SimpleNamespace, keys: SimpleNamespace, wrong: dict[str, object]
) -> None:
    (key_id,) = load_public_keys(keys.folder)
    payload = {"iss": "demo", "sub": "p", "aud": ["budget"], "iat": 1, "exp": 1 << 35} | wrong
    token = jwt.encode(payload, keys.pem.decode(), algorithm="EdDSA", headers={"kid": key_id})
    assert code(timed.verifier, token) == "token_malformed"


def test_the_memory_of_verified_tokens_is_bounded(
    timed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHED_TOKENS_MAX", 3)
    for number in range(10):
        timed.verifier.verify(timed.issuer.issue(f"p{number}", audience=["budget"]))
    assert len(timed.verifier._known) == 3


def test_two_keys_are_believed_while_one_replaces_the_other(
    keys: SimpleNamespace, seconds: Seconds
) -> None:
    private, _ = write_key_pair(keys.folder, "next")
    verifier = TokenVerifier(load_public_keys(keys.folder), audience="budget", issuer="demo")
    for pem in (keys.pem, private.read_bytes()):
        verifier.verify(TokenIssuer(pem, issuer="demo").issue("p", audience=["budget"]))


def test_a_private_key_is_readable_by_its_owner_alone_and_never_overwritten(
    keys: SimpleNamespace,
) -> None:
    assert stat.S_IMODE(keys.private.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_key_pair(keys.folder, "tokens")
    assert keys.private.read_bytes() == keys.pem


def test_a_folder_without_public_keys_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_public_keys(tmp_path)


def test_a_role_is_required_by_name(timed: SimpleNamespace) -> None:
    claims = timed.verifier.verify(timed.issuer.issue("p", roles=["staff"], audience=["budget"]))
    require_role(claims, "admin", "staff")
    with pytest.raises(Forbidden) as refused:
        require_role(claims, "admin")
    assert (refused.value.code, refused.value.params) == ("role_required", {"role": "admin"})
