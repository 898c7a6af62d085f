"""Opens an election's ballots and writes its files, in a process of its own.

Opening a hundred thousand seals takes seconds of a core, which the site's own process has not got.
`python -m cahier_portal.opendata.worker FOLDER` reads `leaves` and `names.json` there and writes
`election.pb`, `ballots.csv` and `ballots.json`; nothing else is read, and nothing is sent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cahier_kernel import base64url
from cahier_ledger.log.entries import decode_bundle
from cahier_ledger.sealing import Opener, ballot_binding
from cahier_portal.opendata.sets import BALLOTS
from cahier_portal.opendata.tables import Writer
from cahier_record.budget.events import BallotCast
from cahier_record.budget.pabulib import Instance, exported, write
from cahier_record.budget.tally.profile import format_amount
from cahier_record.budget.views import BudgetView, ElectionView
from cahier_record.events import decode_leaf

LEAVES, NAMES = "leaves", "names.json"
PABULIB, STEM = "election.pb", "ballots"


class KeptNames(msgspec.Struct):
    """Texts by event and name, and titles by proposal, as they stood a moment ago."""

    texts: dict[str, dict[str, str]]
    titles: dict[str, str]

    def source(self, event_id: str) -> dict[str, Any]:
        """What an imported file said, as kept with the event; empty for others."""
        try:
            found = msgspec.json.decode(self.text(event_id, "source") or "{}")
        except msgspec.DecodeError:  # it was erased
            return {}
        return found if isinstance(found, dict) else {}

    def text(self, event_id: str, name: str) -> str:
        """A text of an event; "" where it has none."""
        return self.texts.get(event_id, {}).get(name, "")

    def title(self, proposal_id: str) -> str:
        """What a proposal is called."""
        return self.titles.get(proposal_id, "")


def write_files(folder: Path, election_id: str) -> None:
    """Makes the files of an election out of its leaves; raises ValueError for a log without it."""
    view = BudgetView()
    for index, leaf in enumerate(decode_bundle((folder / LEAVES).read_bytes())):
        view.apply(index, decode_leaf(leaf))
    election = view.elections.get(election_id)
    if election is None or not election.private_key:
        raise ValueError(f"the log has not closed election {election_id}")
    names = msgspec.json.decode((folder / NAMES).read_bytes(), type=KeptNames)
    instance = exported(told_of(election), names, opener(election.private_key))
    (folder / PABULIB).write_bytes(write(instance).encode())
    write_ballots(instance, folder / STEM)


def told_of(election: ElectionView) -> ElectionView:
    """The election without a count that was not announced yet."""
    announced = [each for each in election.versions if each.announced]
    if announced:
        return election.as_counted(announced[-1])
    return msgspec.structs.replace(election, count=None)


def write_ballots(instance: Instance, stem: Path) -> None:
    """The counted ballots as a data set."""
    with Writer(BALLOTS.columns, stem) as out:
        for ballot in instance.ballots:
            points = [format_amount(int(each * 10**6), 6) for each in ballot.points]
            out.write((ballot.voter, list(ballot.projects), points))


def opener(private_key: str) -> Callable[[BallotCast], bytes]:
    """Opens ballots with a published trustee key."""
    key = Opener(private_key)

    def open_ballot(ballot: BallotCast) -> bytes:
        binding = ballot_binding(
            ballot.election, ballot.electorate, ballot.scheme, ballot.credential, ballot.sequence
        )
        return key.open(base64url.decode(ballot.sealed), binding)

    return open_ballot


if __name__ == "__main__":
    write_files(Path(sys.argv[1]), sys.argv[2])
