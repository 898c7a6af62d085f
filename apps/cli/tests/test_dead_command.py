"""`cahier dead`: what a person sees and does about events that nobody could handle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from click.testing import CliRunner, Result
from faststream.nats import NatsBroker

from cahier_cli.__main__ import main
from cahier_ledger.bus.dead import count_dead
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.reactions import Delivery, Reaction, Reactions
from cahier_ledger.bus.server import NatsServer, nats_server
from cahier_ledger.bus.streams import declare_dead_stream, declare_public_stream

TYPE = "budget.v1.election.voting_closed"
LEAF = json.dumps({"v": 1, "svc": "budget", "id": "e-1", "t": TYPE, "data": {"election": "é"}})


@pytest.fixture
def city(tmp_path: Path) -> Iterator[tuple[Path, NatsServer]]:
    """A folder as of a running city, with one event that a reaction has given up."""
    with nats_server(tmp_path / "nats") as server:
        (tmp_path / "city.json").write_text('{"city": "demo"}')
        (tmp_path / "run.json").write_text(json.dumps({"nats": server.url}))
        asyncio.run(give_up(tmp_path, server))
        yield tmp_path, server


async def give_up(folder: Path, server: NatsServer) -> None:
    client = await nats.connect(server.url)
    js = client.jetstream()
    await declare_dead_stream(js)
    await declare_public_stream(js, "budget", "demo")
    headers = {"Cahier-Seq": "1", "ce-id": "e-1", "ce-type": TYPE}
    await js.publish(f"cahier.demo.{TYPE}", LEAF.encode(), headers=headers)

    async def fail(delivery: Delivery) -> None:
        raise ConnectionError("the mail server is away")

    async def given_up() -> None:
        while not await count_dead(js):  # noqa: ASYNC110 - the broker tells nobody else
            await asyncio.sleep(0.05)

    await reacting(folder, server, fail, given_up)
    await client.close()


async def reacting(folder: Path, server: NatsServer, handle, until) -> None:
    """Runs the reaction until the awaitable `until()` is done."""
    inbox = Inbox(folder / "inbox.db")
    broker = NatsBroker(server.url, max_reconnect_attempts=-1, logger=None)
    reactions = Reactions(broker, inbox, "demo")
    reactions.add(Reaction("mailer", "budget", handle, (TYPE,), delays_s=(0.05,)))
    task = asyncio.create_task(reactions.run())
    async with asyncio.timeout(20):
        await until()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    inbox.close()


def cahier(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["dead", *map(str, arguments)])


def test_dead_letters_are_listed_and_shown(city) -> None:
    folder, _ = city
    listed = cahier("list", "--data", folder)
    assert listed.exit_code == 0
    (line,) = listed.stdout.splitlines()
    assert line.startswith("1  2")
    assert "mailer  PUBLIC_BUDGET message 1  2 tries" in line
    shown = cahier("show", 1, "--data", folder)
    first, _, event = shown.stdout.partition("\n")
    assert first == line
    assert json.loads(event) == json.loads(LEAF)


def test_a_dead_letter_that_nobody_handles_stays(city) -> None:
    folder, _ = city
    done = cahier("redrive", 1, "--data", folder)
    assert done.exit_code == 1
    assert "reaction mailer is not running" in done.stderr
    assert cahier("list", "--data", folder).stdout.startswith("1  ")


@pytest.mark.parametrize("which", ["1", "--all"])
def test_a_dead_letter_that_is_handled_at_last_is_gone(city, which) -> None:
    folder, server = city
    handled: list[str] = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.message.id)

    async def redriven() -> None:
        while not handled:
            done = await asyncio.to_thread(cahier, "redrive", which, "--data", folder)
            await asyncio.sleep(0.1)
        assert done.exit_code == 0, done.output
        assert done.stdout == "1: handled by mailer\n"

    asyncio.run(reacting(folder, server, handle, redriven))
    assert handled == ["e-1"]
    assert cahier("list", "--data", folder).stdout == ""


def test_a_dead_letter_can_be_dismissed(city) -> None:
    folder, _ = city
    assert cahier("redrive", 1, "--dismiss", "--data", folder).exit_code == 0
    assert cahier("list", "--data", folder).stdout == ""
    again = cahier("show", 1, "--data", folder)
    assert again.exit_code == 1
    assert "no dead letter 1" in again.stderr


def test_which_dead_letter_must_be_said(city) -> None:
    folder, _ = city
    for wrong in ((), (1, "--all"), ("--all", "--dismiss"), (0,)):
        assert cahier("redrive", *wrong, "--data", folder).exit_code == 2


def test_without_a_running_city_it_says_so(tmp_path: Path) -> None:
    done = cahier("list", "--data", tmp_path)
    assert done.exit_code == 2
    assert "no city runs on" in done.stderr


def test_a_bus_that_does_not_answer_is_no_traceback(city) -> None:
    folder, server = city
    server.kill()
    done = cahier("list", "--data", folder)
    assert done.exit_code == 1
    assert done.stderr.startswith("cahier dead: ")
