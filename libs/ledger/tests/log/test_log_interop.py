"""A reader that we did not write (`tlog-scales`) reads what we write, and we what it writes."""

from pathlib import Path
from typing import Any

import pytest
from tlog_scales import signing
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.writer import TilesWriter

from cahier_ledger.log import merkle
from cahier_ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.entries import read_entries, write_entries
from cahier_ledger.log.note import COSIGNATURE_V1, Vkey, parse_note
from cahier_ledger.log.tiles import TileNodes, grow, tile_path

SIZE = 70_000  # a tree with tiles of three levels, full and partial ones
ORIGIN = "a.example/tlog/budget"


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [f'{{"n":{n}}}'.encode() for n in range(SIZE)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, leaves: list[bytes], log_key: Any) -> Path:
    """A log as we write it, grown in three steps, with a witness' cosignature."""
    folder = tmp_path_factory.mktemp("log")

    def read(level: int, number: int, width: int) -> bytes:
        return (folder / tile_path(level, number, width)).read_bytes()

    hashes = merkle.leaf_hashes(leaves)
    for start, end in ((0, 700), (700, 65_537), (65_537, SIZE)):
        for tile, raw in grow(read, start, hashes[start:end]):
            file = folder / tile.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
    write_entries(folder, leaves)
    key, witness = log_key(ORIGIN), log_key("w.example", COSIGNATURE_V1)
    text = sign_checkpoint(Checkpoint(ORIGIN, SIZE, merkle.root_of(hashes)), [(key.vkey, key.sign)])
    text += cosign(parse_note(text).body, witness.vkey, witness.sign, 1_700_000_000)
    (folder / "checkpoint").write_text(text)
    return folder


def test_a_strangers_reader_finds_our_root_entries_and_signatures(
    written: Path, leaves: list[bytes], log_key: Any
) -> None:
    reader = TilesReader(LocalBackend(written))
    checkpoint = reader.get_checkpoint()
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, SIZE)
    assert reader.calculate_root_hash() == checkpoint.root_hash
    for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
        assert reader.get_entry(index) == leaves[index]
    keys = (log_key(ORIGIN).vkey, log_key("w.example", COSIGNATURE_V1).vkey)
    for vkey in keys:
        checkpoint.verify(signing.Vkey.from_string(str(vkey)))
    stranger = signing.Vkey.from_string(str(log_key(ORIGIN, number=1).vkey))
    with pytest.raises(RuntimeError):
        checkpoint.verify(stranger)


def test_a_strangers_proofs_and_ours_are_the_same(written: Path, leaves: list[bytes]) -> None:
    reader = TilesReader(LocalBackend(written))
    root = reader.get_checkpoint().root_hash

    def read(level: int, number: int, width: int) -> bytes:
        return (written / tile_path(level, number, width)).read_bytes()

    nodes = TileNodes(read, SIZE)
    for index in range(0, SIZE, 6_789):
        theirs = reader.get_inclusion_proof(index, SIZE)
        theirs.check(merkle.leaf_hash(leaves[index]), root)
        assert merkle.inclusion_proof(index, SIZE, nodes) == theirs.node_hashes
    for old in (1, 255, 256, 700, 65_536, 65_537, SIZE - 1):
        proof = reader.get_consistency_proof(old, SIZE)
        proof.check(merkle.root_at(old, nodes), root)
        assert merkle.consistency_proof(old, SIZE, nodes) == proof.node_hashes


def test_we_read_what_a_stranger_wrote(tmp_path: Path, leaves: list[bytes]) -> None:
    folder = tmp_path / "theirs"
    writer = TilesWriter.create(folder, "b.example/log")
    signer = signing.PlainEd25519Signer("b.example/log", bytes(range(32)))
    for leaf in leaves[:1_000]:
        writer.add_leaf(leaf)
    writer.commit([signer])
    vkey = Vkey.parse(signer.vkey.serialize())
    checkpoint = open_checkpoint((folder / "checkpoint").read_bytes(), [vkey])
    found = list(read_entries(folder))
    assert found == leaves[:1_000]
    assert checkpoint.root == merkle.root_of(merkle.leaf_hashes(found))

    def read(level: int, number: int, width: int) -> bytes:
        return (folder / tile_path(level, number, width)).read_bytes()

    assert merkle.root_at(checkpoint.size, TileNodes(read, checkpoint.size)) == checkpoint.root
