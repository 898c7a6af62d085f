"""Files that are whole, and secrets that are made once."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cahier_chassis.files import make_once, write_whole
from cahier_chassis.keys import KeyUnusable, ensure_key_pair, key_id, load_public_keys, secret_key

RACERS, KEYS = 6, 12
RACE = """
import sys, time
from pathlib import Path
from cahier_chassis.keys import ensure_key_pair, secret_key
folder, began = Path(sys.argv[1]), float(sys.argv[2])
for number in range(int(sys.argv[3])):
    while time.time() < began + number * 0.05:
        pass
    key = secret_key(folder / "keys" / f"{number}.key", may_make=True)
    private, public = ensure_key_pair(folder / "pairs", f"pair{number}")
    print(key.hex(), private.read_bytes().hex(), public.read_bytes().hex())
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"old")

    def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", crash)
        with pytest.raises(OSError, match="power cut"):
            write_whole(path, b"new, but only half of it was wr")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def test_a_file_has_the_mode_asked_for_whatever_a_crash_left_behind(tmp_path: Path) -> None:
    left_behind = tmp_path / "secret.new"
    left_behind.touch(0o644)
    write_whole(tmp_path / "secret", b"x")
    write_whole(tmp_path / "page", b"x", mode=0o644)
    assert (mode_of(tmp_path / "secret"), mode_of(tmp_path / "page")) == (0o600, 0o644)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret.key"
    key = secret_key(path, may_make=True)
    assert len(key) == 32
    assert secret_key(path, may_make=True) == secret_key(path, may_make=False) == key
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert secret_key(tmp_path / "other.key", may_make=True) != key


def test_a_lost_or_cut_secret_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with pytest.raises(KeyUnusable, match="missing"):
        secret_key(path, may_make=False)
    assert not path.exists()
    path.write_bytes(b"k" * 31)
    with pytest.raises(KeyUnusable, match="31 bytes"):
        secret_key(path, may_make=True)
    assert path.read_bytes() == b"k" * 31


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    """Each reads what the first has made, whole; none replaces it."""
    began = str(time.time() + 3)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), began, str(KEYS)], stdout=subprocess.PIPE
        )
        for _ in range(RACERS)
    ]
    told = [racer.communicate(timeout=60)[0].decode().splitlines() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * RACERS
    assert [len(lines) for lines in told] == [KEYS] * RACERS
    assert [len(set(lines)) for lines in zip(*told, strict=True)] == [1] * KEYS
    kept = {path.name for path in (tmp_path / "keys").iterdir()}
    assert kept == {f"{number}.key" for number in range(KEYS)}, "nothing is left lying about"


def test_what_is_made_once_is_whole_and_synced_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret.key"

    def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", crash)
        with pytest.raises(OSError, match="power cut"):
            make_once(path, b"half")
    assert list(tmp_path.iterdir()) == []
    assert make_once(path, b"first")
    assert not make_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["secret.key"]


def test_a_public_key_that_a_crash_left_out_is_made_of_the_private_one(tmp_path: Path) -> None:
    private, public = ensure_key_pair(tmp_path, "token")
    public.unlink()
    assert ensure_key_pair(tmp_path, "token") == (private, public)
    key = load_pem_private_key(private.read_bytes(), None).public_key()
    assert list(load_public_keys(tmp_path)) == [key_id(key)]
    assert (mode_of(private), mode_of(public)) == (0o600, 0o644)
