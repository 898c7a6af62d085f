"""Files that are whole, and secrets that are made once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cahier_chassis.files import write_whole
from cahier_chassis.keys import KeyUnusable, secret_key


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
