"""Where a city keeps its things is chosen at its first start, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cahier_cli.city import FILES, IN_THE_STORE, SQLITE, CityError, CityFolder
from cahier_cli.storage import Storage, open_tiles, storage_of
from cahier_cli.units import log_tiles_of
from cahier_ledger.log.storage import DatabaseTiles, FolderTiles
from cahier_ledger.stores import Stores


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE", "POSTGRES_DSN", "LOG_TILES"):
        monkeypatch.delenv(f"CAHIER_{name}", raising=False)


def test_files_are_the_default(tmp_path: Path) -> None:
    assert storage_of(CityFolder(tmp_path)) == Storage(SQLITE, None, FILES)


def test_the_first_choice_of_tiles_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CityFolder(tmp_path)
    monkeypatch.setenv("CAHIER_LOG_TILES", IN_THE_STORE)
    first = storage_of(folder)
    folder.prepare("demo", first.kind, first.log_tiles)
    monkeypatch.delenv("CAHIER_LOG_TILES")
    assert storage_of(folder).log_tiles == IN_THE_STORE
    monkeypatch.setenv("CAHIER_LOG_TILES", FILES)
    with pytest.raises(CityError, match="keeps its logs' tiles in store, not in files"):
        storage_of(folder)


def test_a_city_that_began_before_there_was_a_choice_has_files(tmp_path: Path) -> None:
    folder = CityFolder(tmp_path)
    folder.prepare("demo")
    (tmp_path / "city.json").write_text(json.dumps({"city": "demo"}))
    assert (folder.log_tiles, storage_of(folder).log_tiles) == (FILES, FILES)


@pytest.mark.parametrize("variable", ["CAHIER_STORE", "CAHIER_LOG_TILES"])
def test_what_is_no_choice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "tape")
    with pytest.raises(CityError, match=f"{variable} is .* or .*, not tape"):
        storage_of(CityFolder(tmp_path))


@pytest.mark.parametrize(("chosen", "kind"), [(FILES, FolderTiles), (IN_THE_STORE, DatabaseTiles)])
def test_services_and_commands_find_the_same_files(
    tmp_path: Path, chosen: str, kind: type[object]
) -> None:
    folder = CityFolder(tmp_path)
    folder.prepare("demo", SQLITE, chosen)
    folder.unit("budget").mkdir()
    tiles = open_tiles(folder, Stores("budget", folder.unit("budget")))
    assert isinstance(tiles, kind)
    tiles.put({"1/checkpoint": b"x"})
    told = log_tiles_of(folder, "budget", chosen)
    there = tmp_path / "budget/tlog.db" if told == IN_THE_STORE else Path(told) / "1/checkpoint"
    assert there.is_file()
    tiles.close()
