"""How fast a log becomes a result again, against merely reading the same rows.

Opening the seals is cryptography and measured apart: here the opener looks the paper up in a
table. Two ways of replaying are measured, each against a bare SELECT of what it reads:

- *typed fold*: the private events by the ledger's own iterator, the fields that a tally needs
  decoded into a typed struct; of one credential's ballots the highest sequence counts; tally.
- *public leaves*: what the service counts with and an auditor replays with: every leaf decoded
  whole into its public event, folded by BudgetView with all the log's rules, every paper judged,
  tally.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import msgspec

from benchmarks.election import (
    Ballot,
    BallotPress,
    OpenElection,
    issuer_of,
    make_election,
    random_choices,
)
from benchmarks.prefill import fill
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.application.counting import ballot_opener, fold_election
from cahier_budget.application.elections import Elections
from cahier_budget.application.publishing import publish
from cahier_budget.domain.ballots import BALLOT_TOPIC
from cahier_kernel import base64url
from cahier_kernel.clock import SystemClock
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.ledger import Ledger
from cahier_ledger.sqlite import ITER_CHUNK, SqliteReader
from cahier_record.budget.ballots import BallotPaper, Voted, decode_paper, encode_paper, voted
from cahier_record.budget.count import OpenBallot, OpenedBallots, count_election, count_opened
from cahier_record.budget.events import BallotCast
from cahier_record.budget.views import BudgetView, ElectionView
from cahier_record.events import decode_leaf

TARGET = 0.4
OPENINGS_MAX = 5_000
AROUND = 1_000
"""More leaves than an election has events of its own."""
PUBLIC = "SELECT public_seq, leaf FROM public WHERE public_seq > ? ORDER BY public_seq LIMIT ?"
PRIVATE = f"""
    SELECT seq, data FROM events WHERE seq > ? AND type = '{BALLOT_TOPIC}' ORDER BY seq LIMIT ?
"""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


Work = Callable[[], int]


class CastFields(msgspec.Struct, gc=False):
    """What a tally needs of a stored ballot."""

    credential: str
    sequence: int


read_fields = msgspec.json.Decoder(CastFields).decode


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report(f"replay: {sizes.replayed:,} ballots into the tally")
    election = make_election(folder / "city")
    ballots = BallotPress(election, issuer_of(election)).print(
        min(OPENINGS_MAX, sizes.replayed), tokens=False
    )
    file = fill(election, sizes.replayed)
    private_key = close(election)
    look_up = paper_table()
    pairs: dict[str, tuple[Work, Work]] = {
        "typed fold of the private events": (
            lambda: bare_select(file, PRIVATE),
            lambda: typed_fold(file, election.id, look_up),
        ),
        "public leaves, folded and judged": (
            lambda: bare_select(file, PUBLIC),
            lambda: replay(file, election.id, look_up),
        ),
    }
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pairs}
    for _ in range(sizes.rounds):
        for name, works in pairs.items():
            for work, found in zip(works, rates[name], strict=True):
                found.append(_rate(sizes.replayed, work))
    _tell(report, rates, _opening_rate(private_key, ballots))
    return report


def _tell(
    report: Report, rates: dict[str, tuple[list[float], list[float]]], openings: float
) -> None:
    report.table(
        ("ballots a CPU second (median of rounds)", "bare SELECT", "into the tally"),
        [(name, median(selects), median(replays)) for name, (selects, replays) in rates.items()],
    )
    report.say(f"Apart: {openings:,.0f} seals opened (HPKE) a CPU second.", "")
    for name, (selects, replays) in rates.items():
        report.ratio(f"{name}, to a bare SELECT", ratio_of(replays, selects), at_least=TARGET)


def _opening_rate(private_key: str, ballots: list[Ballot]) -> float:
    opener = ballot_opener(private_key)
    events = [_event(each) for each in ballots]
    return _rate(len(events), lambda: sum(bool(opener(event)) for event in events))


def _rate(count: int, work: Callable[[], int]) -> float:
    started_s = time.process_time()
    done = work()
    if done < count:
        raise RuntimeError(f"{done} of {count} ballots were replayed")
    return done / (time.process_time() - started_s)


def close(election: OpenElection) -> str:
    """Closes voting by the service's own rules; returns the published private key."""
    ledger = Ledger.open(election.data_dir / "events.db")
    try:
        now = SystemClock().now()
        aggregates = Aggregates(ledger, "budget", publish, lambda: str(uuid7(now)))
        key = TrusteeKeyFiles(election.data_dir / "keys").private_key(election.id)
        Elections(aggregates).change(
            UUID(election.id), lambda each: each.close_voting("measured", key, now=now)
        )
        return key
    finally:
        ledger.close_blocking()


def paper_table() -> Callable[[Any], bytes]:
    """Finds a ballot's plaintext by two characters of its credential: 4,096 random papers."""
    random = Random(50)
    papers = {
        first + second: encode_paper(BallotPaper(random_choices(random)))
        for first in ALPHABET
        for second in ALPHABET
    }
    return lambda ballot: papers[ballot.credential[:2]]


def bare_select(file: Path, sql: str) -> int:
    """Reads every row in chunks, as replay does, and does nothing with it."""
    connection = sqlite3.connect(file)
    position = count = 0
    while rows := connection.execute(sql, (position, ITER_CHUNK)).fetchall():
        position = rows[-1][0]
        count += len(rows)
    connection.close()
    return count


def typed_fold(file: Path, election_id: str, look_up: Callable[[Any], bytes]) -> int:
    """Reads, decodes, folds by credential and counts the private events."""
    reader = SqliteReader(file)
    last: dict[str, CastFields] = {}
    for _, data in reader.iter_data(BALLOT_TOPIC):
        ballot = read_fields(data)
        held = last.get(ballot.credential)
        if held is None or ballot.sequence > held.sequence:
            last[ballot.credential] = ballot
    sheets = Counter(map(look_up, last.values()))
    papers: Counter[Voted] = Counter()
    for plaintext, times in sheets.items():
        papers[voted(decode_paper(plaintext))] += times
    election = _without_ballots(reader, election_id)
    reader.close_reader()
    return count_opened(election, OpenedBallots(papers, [])).ballots_counted


def _without_ballots(reader: SqliteReader, election_id: str) -> ElectionView:
    """The election's own events: before the first ballot and behind the last."""
    view = BudgetView()
    head = reader.public_head()
    for position in (0, head - AROUND if head > 2 * AROUND else AROUND):
        for row in reader.read_public(position, AROUND):
            leaf = decode_leaf(row.leaf)
            if not isinstance(leaf.event, BallotCast):
                view.apply(row.public_seq - 1, leaf)
    return view.elections[election_id]


def replay(file: Path, election_id: str, opener: OpenBallot) -> int:
    """Reads, decodes, folds, judges and counts."""
    result = count_election(fold_election(SqliteReader(file), election_id), opener)
    return result.ballots_counted


def _event(ballot: Ballot) -> BallotCast:
    said = ballot.message
    return BallotCast(
        election=said.election_id,
        electorate=said.electorate,
        scheme=said.scheme,
        credential=said.credential,
        sequence=said.sequence,
        sealed=base64url.encode(said.sealed),
    )
