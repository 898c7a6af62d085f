"""`cahier keys`: a log's key is made once, replaced with an overlap, and never overwritten."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cahier_cli.__main__ import main
from cahier_cli.city import CityFolder
from cahier_cli.keys import read_logs
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.sequencer import Sequencer
from cahier_ledger.log.signing import open_signers
from cahier_ledger.log.storage import FolderTiles
from cahier_ledger.stores import Stores
from cahier_record.events import SERVICES

Keys = Callable[..., Result]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Runs `cahier keys ...` on one city folder."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["keys", *arguments, "--data", str(tmp_path / "city")])

    return run


def sign(folder: CityFolder, service: str) -> None:
    """What a start of the service does with its log."""
    logs = read_logs(folder)
    stores = Stores(service, folder.unit(service))
    stores.folder.mkdir(parents=True, exist_ok=True)
    ledger, locks = stores.open_ledger(), open_locks(str(folder.log_lock(service)))
    sequencer = Sequencer(
        service,
        logs.services[service].origin,
        ledger,
        FolderTiles(stores.folder / "tlog"),
        locks,
        open_signers(logs.places(service)),
    )
    sequencer.begin()
    sequencer.seal()
    locks.close()
    ledger.close_blocking()


def test_each_log_gets_a_key_and_a_name_that_stay(keys: Keys, tmp_path: Path) -> None:
    made = keys("init", "--host", "participation.example")
    assert made.exit_code == 0, made.output
    vkeys = [Vkey.parse(line) for line in made.stdout.splitlines()]
    assert [each.name for each in vkeys] == [f"participation.example/tlog/{s}" for s in SERVICES]
    assert len({each.public for each in vkeys}) == len(SERVICES)
    assert keys("init").stdout == keys("list").stdout == made.stdout
    assert keys("init", "--host", "elsewhere.example").exit_code == 2
    folder = tmp_path / "city/keys/tlog"
    for service in SERVICES:
        assert stat.S_IMODE((folder / f"{service}.pem").stat().st_mode) == 0o600
    told = json.loads((folder / "logs.json").read_text())
    assert told["host"] == "participation.example"
    assert told["services"]["budget"] == {
        "epoch": 1,
        "origin": "participation.example/tlog/budget",
        "keys": ["budget.pem"],
    }


def test_without_a_host_logs_are_named_after_the_city(keys: Keys) -> None:
    assert keys("init").stdout.startswith("demo.cahier.localhost/tlog/identity+")


@pytest.mark.parametrize("host", ["a b", "a/b", "a+b", "é.example"])
def test_what_is_no_host_names_no_log(keys: Keys, host: str) -> None:
    assert keys("init", "--host", host).exit_code == 2


def test_keys_may_lie_outside_the_citys_folder(keys: Keys, tmp_path: Path) -> None:
    assert keys("init", "--keys", str(tmp_path / "safe")).exit_code == 0
    assert not list((tmp_path / "city").rglob("*.pem"))
    assert (tmp_path / "safe/budget.pem").is_file()
    assert keys("list").exit_code == 0


def test_a_key_is_never_overwritten(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe/consultation.pem").write_text("somebody's")
    refused = keys("init", "--keys", str(tmp_path / "safe"))
    assert refused.exit_code == 2
    assert "never overwritten" in refused.stderr
    assert (tmp_path / "safe/consultation.pem").read_text() == "somebody's"


def test_a_key_is_replaced_only_after_the_log_signed_with_both(keys: Keys, tmp_path: Path) -> None:
    city = CityFolder(tmp_path / "city")
    first = keys("init").stdout.splitlines()[SERVICES.index("budget")]
    sign(city, "budget")
    assert keys("retire", "budget").exit_code == 2
    rotated = keys("rotate", "budget")
    assert rotated.exit_code == 0, rotated.output
    new, old = rotated.stdout.splitlines()[:2]
    assert old == first != new
    assert keys("rotate", "budget").exit_code == 2
    early = keys("retire", "budget")
    assert early.exit_code == 2
    assert "has not signed with its new key" in early.stderr
    sign(city, "budget")
    assert keys("retire", "budget").stdout.splitlines()[0] == new
    sign(city, "budget")
    locks = open_locks(str(city.log_lock("budget")))
    row = locks.current("budget")
    locks.close()
    assert row is not None
    assert row.vkeys.split() == [new, old]  # what the old one signed must still verify


def test_without_keys_there_is_one_line_that_says_so(keys: Keys) -> None:
    for command in (("list",), ("rotate", "budget"), ("retire", "budget")):
        refused = keys(*command)
        assert refused.exit_code == 2
        assert "cahier keys init" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
