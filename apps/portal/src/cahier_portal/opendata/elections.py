"""The files of a closed election: read from the public log as anybody may, made by a worker.

What the log holds of the election is copied from its tiles, the texts that still stand are asked
for, and a process of its own opens and writes: the writer is that of `cahier export pabulib`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from pathlib import Path

import msgspec

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import DomainError, FailedPrecondition, Kind, TooLarge, Unavailable
from cahier_ledger.leaves import leaf_head
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.entries import bundle_path, decode_bundle, encode_bundle
from cahier_ledger.log.note import BadNote
from cahier_ledger.log.tiles import HASHES_PER_TILE
from cahier_portal.clients import Services
from cahier_portal.opendata.worker import LEAVES, NAMES, KeptNames
from cahier_portal.publiclog import PublicLogs
from cahier_portal.texts import ProposalTexts
from cahier_record.budget.events import ProjectAdded
from cahier_record.events import decode_leaf

SERVICE = "budget"
BALLOTS_MAX = 250_000
"""More are exported on the city's machine, by `cahier export pabulib`."""
LEAVES_MAX = 5_000_000
BUNDLES_AT_ONCE = 8
TEXTS_AT_ONCE = 8
WORKER_S_MAX = 300.0
TOLD_BY = {
    budget.ELECTION_STATE_CLOSED: "voting_closed",
    budget.ELECTION_STATE_COUNTED: "ballots_counted",
    budget.ELECTION_STATE_PUBLISHED: "result_published",
}
"""The states of closed elections, and the leaf that tells of each."""


class ElectionFiles:
    """Makes the files of one election in a folder."""

    def __init__(self, services: Services, logs: PublicLogs, texts: ProposalTexts) -> None:
        self._services, self._logs, self._texts = services, logs, texts

    async def closed(self, election_id: str) -> budget.Election:
        """Raises NotFound, FailedPrecondition `voting_not_closed`, TooLarge, Unavailable."""
        asked = budget.GetElectionRequest(election_id=election_id)
        election: budget.Election = (await self._services.budget.ask(asked)).election
        if election.state not in TOLD_BY:
            rule = "its ballots are sealed until voting closes"
            raise FailedPrecondition("voting_not_closed", rule, field="election")
        if election.ballots > BALLOTS_MAX:
            rule = f"at most {BALLOTS_MAX} ballots; the city exports it by `cahier export pabulib`"
            raise TooLarge("open_data_too_large", rule)
        return election

    async def make(self, election: budget.Election, folder: Path) -> None:
        """Writes what `worker` says there; raises TooLarge, and Unavailable: `log_behind` while
        the log does not tell yet what state the election is in."""
        events = await self._copy_leaves(election.election_id, folder / LEAVES)
        told_by = f".{TOLD_BY[election.state]}"
        if not any(leaf_head(leaf).t.endswith(told_by) for leaf in events):
            raise Unavailable("log_behind", "the public log is not that far yet; try again")
        names = await self._names(events, election.process_id)
        (folder / NAMES).write_bytes(msgspec.json.encode(names))
        await _work(folder, election.election_id)
        for name in (LEAVES, NAMES):
            (folder / name).unlink()

    async def _copy_leaves(self, election_id: str, file: Path) -> list[bytes]:
        """Copies the election's leaves; answers those that are no ballots."""
        told: list[bytes] = []
        with file.open("wb") as out:
            async for leaves in self._bundles():
                own = [leaf for leaf in leaves if election_id.encode() in leaf]
                await asyncio.to_thread(out.write, encode_bundle(own))
                told += [leaf for leaf in own if not leaf_head(leaf).t.endswith(".ballot_cast")]
        return told

    async def _bundles(self) -> AsyncIterator[list[bytes]]:
        """The log's leaves, bundle by bundle, through all of its epochs."""
        if SERVICE not in self._logs.services:
            raise Unavailable("log_away", "the site has not been told where budget's log is")
        paths = await self._paths()
        for start in range(0, len(paths), BUNDLES_AT_ONCE):
            some = paths[start : start + BUNDLES_AT_ONCE]
            for raw in await asyncio.gather(*(self._logs.file(SERVICE, path) for path in some)):
                if raw is None:
                    raise Unavailable("log_away", "the log of budget cannot be read now")
                yield decode_bundle(raw)

    async def _paths(self) -> list[str]:
        epochs = await self._logs.epochs(SERVICE)
        bases = [each.base for each in epochs]
        older = [
            path
            for epoch, (base, end) in enumerate(pairwise(bases), 1)
            for path in _bundle_paths(f"{epoch}/", end - base)
        ]
        raw = await self._logs.file(SERVICE, "checkpoint")
        try:
            size = parse_checkpoint(raw)[0].size if raw is not None else 0
        except BadNote:
            raise Unavailable("log_away", "the log of budget cannot be read now") from None
        if size + (bases[-1] if bases else 0) > LEAVES_MAX:
            raise TooLarge("open_data_too_large", f"a log has at most {LEAVES_MAX} leaves here")
        return [*older, *_bundle_paths("", size)]

    async def _names(self, leaves: list[bytes], process_id: str) -> KeptNames:
        wanted, proposals = [], []
        for raw in leaves:
            leaf = decode_leaf(raw)
            if leaf.digests:
                wanted.append(leaf.id)
            if isinstance(leaf.event, ProjectAdded):
                proposals.append(leaf.event.proposal)
        found = {}
        for start in range(0, len(wanted), TEXTS_AT_ONCE):
            some = wanted[start : start + TEXTS_AT_ONCE]
            for event_id, texts in zip(some, await self._disclosed(some), strict=True):
                found[event_id] = texts
        words = await self._texts.of(proposals, process_id)
        return KeptNames(found, {each: proposal.title for each, proposal in words.items()})

    async def _disclosed(self, event_ids: Iterable[str]) -> list[dict[str, str]]:
        async def one(event_id: str) -> dict[str, str]:
            asked = budget.GetDisclosuresRequest(event_id=event_id)
            try:
                answer = await self._services.budget.ask(asked)
            except DomainError as error:
                if error.kind is Kind.UNAVAILABLE:
                    raise
                return {}
            return {each.name: each.value for each in answer.disclosures}

        return list(await asyncio.gather(*map(one, event_ids)))


def _bundle_paths(prefix: str, size: int) -> list[str]:
    full, rest = divmod(size, HASHES_PER_TILE)
    paths = [f"{prefix}tile/entries/{bundle_path(number)}" for number in range(full)]
    return [*paths, f"{prefix}tile/entries/{bundle_path(full, rest)}"] if rest else paths


async def _work(folder: Path, election_id: str) -> None:
    """Runs the worker to its end; raises Unavailable when it fails or takes too long."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cahier_portal.opendata.worker", str(folder), election_id),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaint = await asyncio.wait_for(process.communicate(), WORKER_S_MAX)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Unavailable("open_data_failed", f"the files cannot be made: {' '.join(last)}")
