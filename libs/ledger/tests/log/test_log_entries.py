from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_ledger.log.entries import (
    ENTRIES_FOLDER,
    BrokenBundle,
    bundle_path,
    decode_bundle,
    encode_bundle,
    read_entries,
    write_entries,
)
from cahier_ledger.model import LeafTooLarge


def test_paths_are_those_of_tlog_tiles() -> None:
    assert bundle_path(0) == "000"
    assert bundle_path(1234067) == "x001/x234/067"
    assert bundle_path(5, 12) == "005.p/12"
    assert bundle_path(1000) == "x001/000"


def test_an_entry_is_its_length_and_its_bytes() -> None:
    assert encode_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    with pytest.raises(LeafTooLarge):
        encode_bundle([b"x" * 65_536])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_survives_a_round_trip(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == leaves


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 600])
def test_a_log_survives_a_round_trip(tmp_path: Path, size: int) -> None:
    leaves = [str(number).encode() for number in range(size)]
    assert write_entries(tmp_path, leaves) == size
    assert list(read_entries(tmp_path)) == leaves


def test_a_cut_bundle_is_named(tmp_path: Path) -> None:
    write_entries(tmp_path, [b"one", b"two"])
    file = tmp_path / ENTRIES_FOLDER / "000.p/2"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BrokenBundle, match=r"000\.p/2: the bundle ends within an entry"):
        list(read_entries(tmp_path))


def test_a_bundle_with_entries_too_few_is_named(tmp_path: Path) -> None:
    write_entries(tmp_path, [b"one", b"two"])
    file = tmp_path / ENTRIES_FOLDER / "000.p/2"
    file.write_bytes(encode_bundle([b"one"]))
    with pytest.raises(BrokenBundle, match="1 entries where 2 belong"):
        list(read_entries(tmp_path))


def test_a_missing_bundle_is_named(tmp_path: Path) -> None:
    write_entries(tmp_path, [b"leaf"] * 600)
    (tmp_path / ENTRIES_FOLDER / "001").unlink()
    with pytest.raises(BrokenBundle, match="001: the bundle is missing"):
        list(read_entries(tmp_path))


def test_a_missing_bundle_before_a_partial_one_is_named(tmp_path: Path) -> None:
    write_entries(tmp_path, [b"leaf"] * 300)
    (tmp_path / ENTRIES_FOLDER / "000").unlink()
    with pytest.raises(BrokenBundle, match="000: the bundle is missing"):
        list(read_entries(tmp_path))
