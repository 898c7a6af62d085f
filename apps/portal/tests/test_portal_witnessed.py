"""What the public log's page says of witnesses, and of a log that had to begin anew."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_kernel.ports import free_port
from cahier_ledger.leaves import leaf_head
from cahier_ledger.log.entries import decode_bundle

pytestmark = pytest.mark.e2e

CAHIER = Path(sys.executable).parent / "cahier"


def cahier(*arguments: object) -> str:
    command = [str(CAHIER), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Neighbour:
    """A witness in a process of its own, and the policy that asks for it."""

    def __init__(self, folder: Path, city: Path) -> None:
        self.folder = folder
        self.city = city
        folder.mkdir()
        self._held = ("--key", folder / "key.pem", "--state", folder / "state.db")
        self._vkey = cahier("witness", "key", *self._held, "--name", "witness.example/w1").strip()
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.meet()

    def meet(self) -> None:
        """Learns the logs that the city has now, and is asked for by its policy."""
        self.stop()
        keys = cahier("keys", "list", "--data", self.city).splitlines()
        logs = "".join(f"log {key}\n" for key in keys)
        (self.folder / "logs").write_text(logs)
        address = f"http://127.0.0.1:{self._port}"
        witness = f"witness arles {self._vkey} {address}\nquorum arles\n"
        (self.city / "policy").write_text(logs + witness)
        serve = ("witness", "serve", *self._held, "--logs", self.folder / "logs")
        self._process = subprocess.Popen(
            [str(each) for each in (CAHIER, *serve, "--port", self._port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)


@dataclass(frozen=True)
class Restored:
    """The address of a city whose residents' log began anew, without its last entry."""

    url: str
    wait: Callable[[str, Callable[[], Any]], Any]

    def get(self, path: str) -> str:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=20.0).text

    def ids(self, epoch: int, size: int) -> list[str]:
        """The ids of an epoch's entries, from its bundle."""
        path = f"{self.url}/tlog/identity/{epoch}/tile/entries/000.p/{size}"
        raw = httpx.get(path, trust_env=False).content
        return [leaf_head(leaf).id for leaf in decode_bundle(raw)]


@pytest.fixture(scope="module")
def restored(
    tmp_path_factory: pytest.TempPathFactory, town_at: Callable[[Path], Any]
) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("restored")
    city, backup = folder / "city", folder / "backup"
    cahier("keys", "init", "--data", city, "--host", "demo.example")
    neighbour = Neighbour(folder / "arles", city)
    try:
        town = town_at(city)
        town.person().register("Ann", "ann@example.org")
        town.stop()
        shutil.copytree(city / "identity", backup)
        town = town_at(city)
        town.person().register("Bob", "bob@example.org")
        town.stop()
        shutil.rmtree(city / "identity")
        shutil.copytree(backup, city / "identity")
        cahier("log", "epoch", "identity", "--reason", "The disk failed on Friday.", "--data", city)
        neighbour.meet()
        town = town_at(city)
        try:
            yield Restored(town.url, town.wait)
        finally:
            town.stop()
    finally:
        neighbour.stop()


def card(page: str, service: str) -> str:
    return page.split(f'aria-labelledby="log-{service}"')[1].split("</article>")[0]


def test_the_witness_that_cosigned_is_named_with_its_time(restored: Restored) -> None:
    shown = card(restored.get("/transparency"), "budget")
    assert re.search(r"arles <span class=\"soft\"><time", shown)
    assert "<code>arles</code>" in shown
    assert 'data-witness="arles"' in shown


def test_a_log_that_began_anew_says_what_was_lost_and_why(restored: Restored) -> None:
    restored.wait(
        "the new epoch is witnessed",
        lambda: ">Signed<" in card(restored.get("/transparency"), "identity"),
    )
    shown = card(restored.get("/transparency"), "identity")
    assert "This log began anew" in shown
    assert "one entry was lost. Reason: The disk failed on Friday." in shown
    assert "(epoch 2)" in shown
    assert "One more in earlier epochs" in shown
    assert shown.count("data-log=") == 2
    french = card(restored.get("/transparency?lang=fr"), "identity")
    assert "Motif\u00a0: The disk failed on Friday." in french
    (first,) = re.findall(r'href="/receipt/([0-9a-f-]{36})"', shown)
    page = restored.get(f"/receipt/{first}")
    assert "The log began anew after an older copy was restored: epoch 2." in page
    assert "This receipt holds" in page
    assert "arles (" in page


def test_what_witnesses_said_survives_the_loss_of_the_logs_files(restored: Restored) -> None:
    kept, lost = restored.ids(1, 2)
    page = restored.get(f"/receipt/{kept}")
    # The lock keeps the ended epoch's checkpoint with its cosignatures.
    assert "This receipt holds" in page
    assert "arles (" in page
    assert "<h1>Somebody registered.</h1>" in page
    assert restored.get(f"/receipt/{lost}").count("There is no such page") > 0
