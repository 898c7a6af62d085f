"""Keys in files and in tokens sign what the public key checks; what is no key is named."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cahier_ledger.log.checkpoint import Checkpoint, open_checkpoint
from cahier_ledger.log.refusals import KeyUnusable
from cahier_ledger.log.signing import FileSigner, Signer, open_signers, sign, vkeys_of

ORIGIN = "a.example/tlog/budget"
SOFTHSM = Path(os.environ.get("SOFTHSM2_MODULE", "/usr/lib/softhsm/libsofthsm2.so"))


def pem(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_key(file: Path) -> Path:
    file.write_bytes(pem(Ed25519PrivateKey.generate()))
    return file


def require_good(signer: Signer) -> None:
    Ed25519PublicKey.from_public_bytes(signer.public).verify(signer.sign(b"a text"), b"a text")


def test_a_file_signs(tmp_path: Path) -> None:
    require_good(FileSigner(write_key(tmp_path / "a.pem")))


def test_several_keys_all_sign_in_their_order(tmp_path: Path) -> None:
    places = [write_key(tmp_path / f"{name}.pem") for name in "ba"]
    signers = open_signers(", ".join(map(str, places)))
    text = sign(Checkpoint(ORIGIN, 0, b"r" * 32), signers)
    vkeys = vkeys_of(ORIGIN, signers)
    assert [line.split(" ")[1] for line in text.splitlines()[4:]] == [ORIGIN, ORIGIN]
    for vkey in vkeys:
        assert open_checkpoint(text, [vkey]).size == 0


@pytest.mark.parametrize(
    "content",
    [None, b"", b"not a key", pem(generate_private_key(SECP256R1()))],
    ids=["missing", "empty", "text", "another kind"],
)
def test_what_is_no_key_is_named_and_not_shown(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "a.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KeyUnusable, match=r"a\.pem") as refused:
        FileSigner(file)
    assert "not a key" not in refused.value.rule.replace("it is not", "")


@pytest.mark.parametrize("places", ["", " , ", "a,b,c,d,e"])
def test_a_log_has_one_to_four_keys(places: str) -> None:
    with pytest.raises(KeyUnusable):
        open_signers(places)


@pytest.fixture
def token_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A SoftHSM token with one Ed25519 key."""
    if not (SOFTHSM.is_file() and shutil.which("softhsm2-util")):
        pytest.fail("softhsm2 is missing: scripts/system_packages.sh brings it")
    config = tmp_path / "softhsm2.conf"
    (tmp_path / "tokens").mkdir()
    config.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    key = write_key(tmp_path / "k.pem")
    common = ["softhsm2-util", "--module", str(SOFTHSM), "--token", "city", "--pin", "1234"]
    for arguments in (
        ["--init-token", "--free", "--label", "city", "--so-pin", "0000"],
        ["--import", str(key), "--label", "budget", "--id", "01"],
    ):
        subprocess.run([*common, *arguments], check=True, env=os.environ, capture_output=True)
    return f"pkcs11:token=city;object=budget?module-path={SOFTHSM}"


def test_a_token_signs(token_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAHIER_PKCS11_PIN", "1234")
    (signer,) = open_signers(token_uri)
    require_good(signer)


def test_an_unreachable_token_is_named() -> None:
    with pytest.raises(KeyUnusable, match="pkcs11:token=city"):
        open_signers("pkcs11:token=city;object=budget?module-path=/nowhere.so&pin-value=1234")
