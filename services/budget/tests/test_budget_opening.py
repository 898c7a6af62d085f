"""Opening in helper processes: the same plaintexts, whatever becomes of the helper."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from cahier_budget.adapters.opening import OpeningProcesses
from cahier_ledger.sealing import Sealer, new_trustee_key

PRIVATE, PUBLIC = new_trustee_key()


@pytest.fixture(params=[0, 1, 2])
async def opening(request):
    found = OpeningProcesses(request.param)
    yield found
    await found.close()


def sealed(count, start=0):
    sealer = Sealer(PUBLIC)
    bindings = [f"place {number}".encode() for number in range(start, start + count)]
    return [
        sealer.seal(b"choice of " + binding, binding=binding, padded_size=64)
        for binding in bindings
    ], bindings


async def test_plaintexts_come_in_order_and_none_for_a_broken_seal(opening):
    texts, bindings = sealed(30)
    texts[7] = texts[8]
    texts[9] = b"short"
    found = await opening.open_many(PRIVATE, texts, bindings)
    assert found == [
        None if number in (7, 9) else b"choice of " + binding
        for number, binding in enumerate(bindings)
    ]
    assert await opening.open_many(PRIVATE, [], []) == []


async def test_tasks_at_the_same_time_get_their_own_answers(opening):
    tasks = [sealed(10, start) for start in range(0, 400, 10)]
    answers = await asyncio.gather(*(opening.open_many(PRIVATE, *task) for task in tasks))
    for (_, bindings), answer in zip(tasks, answers, strict=True):
        assert answer == [b"choice of " + binding for binding in bindings]


async def test_a_cancelled_caller_does_not_mix_up_answers(opening):
    task = asyncio.create_task(opening.open_many(PRIVATE, *sealed(50)))
    await asyncio.sleep(0)
    task.cancel()
    texts, bindings = sealed(5, 100)
    found = await opening.open_many(PRIVATE, texts, bindings)
    assert found == [b"choice of " + binding for binding in bindings]


async def test_a_killed_helper_costs_no_answer_and_is_replaced():
    opening = OpeningProcesses(1)
    texts, bindings = sealed(200)
    wanted = [b"choice of " + binding for binding in bindings]
    try:
        assert await opening.open_many(PRIVATE, texts, bindings) == wanted
        (helper,) = children()
        pending = asyncio.gather(*(opening.open_many(PRIVATE, texts, bindings) for _ in range(5)))
        await asyncio.sleep(0.005)
        os.kill(helper, signal.SIGKILL)
        assert await pending == [wanted] * 5
        assert await opening.open_many(PRIVATE, texts, bindings) == wanted
        assert len(children()) == 1
        assert children() != [helper]
    finally:
        await opening.close()
    assert children() == []


def children():
    """Pids of this process's living helpers."""
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat, open(f"/proc/{name}/cmdline") as command:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
                ours = int(parent) == os.getpid() and "opening_worker" in command.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if ours and state != "Z":
            pids.append(int(name))
    return pids
