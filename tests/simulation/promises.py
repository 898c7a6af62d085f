"""What a city promises, held against what a run has left: files, streams, and people's memories.

Each check names the promise it stands for. Nothing here asks the services: the logs are read from
their files and folded by libs/record, as any auditor does.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cahier_auditor.recount import recount
from cahier_ledger.leaves import disclosure_digest
from cahier_ledger.model import Disclosure
from cahier_notifications.adapters.letters import message_digest
from cahier_record.budget.views import BudgetView
from cahier_record.consultation.views import ConsultationView
from cahier_record.events import Leaf, decode_leaf
from cahier_record.reporting.views import ReportingView
from tests.simulation.broker import read_headers
from tests.simulation.city import City
from tests.simulation.node import CITY
from tests.simulation.people import Remembered

LANGUAGE = rb"\r\nContent-Language: (\w+)\r\n"


class Broken(AssertionError):
    """A promise was broken."""


class Logs:
    """Every service's public log, as stored."""

    def __init__(self, city: City) -> None:
        self.raw: dict[str, list[bytes]] = {}
        self.leaves: dict[str, list[Leaf]] = {}
        for name in city.nodes:
            rows = city.rows(name, "SELECT leaf FROM public ORDER BY public_seq")
            self.raw[name] = [row[0] for row in rows]
            self.leaves[name] = [decode_leaf(row[0]) for row in rows]


def check(city: City, told: Remembered) -> None:
    """Raises Broken at the first promise that does not hold."""
    logs = Logs(city)
    _require("numbers run from 1 without a gap", _gaps(city))
    _require("what cannot be handled is kept for a person", city.forgotten)
    _require("nothing dead is left once it is re-driven", city.dead())
    _require("what was acknowledged stands in the log, once", _lost(logs, told))
    _require("a stream is a copy of its log", _differing_streams(city, logs))
    _require("every text is there whose digest a leaf holds", _wrong_texts(city, logs))
    budget = BudgetView()
    for index, leaf in enumerate(logs.leaves.get("budget", [])):
        budget.apply(index, leaf)
    _require("no ballot is counted after closing, none twice", budget.faults)
    if told.election:
        _check_election(budget, told)
    consultation = ConsultationView()
    for leaf in logs.leaves.get("consultation", []):
        consultation.apply(leaf)
    _require("one support a person, as they were told", _wrong_supports(consultation, told))
    _require("nothing is supported once it is withdrawn", _late_voices(logs))
    _require("what was withdrawn and edited stands so", _wrong_ideas(city, consultation, told))
    _require("views show what the log says", _wrong_views(city, consultation, budget))
    streets = ReportingView()
    for leaf in logs.leaves.get("reporting", []):
        streets.apply(leaf)
    _require("reports stand as their log says", _wrong_reports(city, streets, told))
    _require("a follower hears of it, in the same words each time", _wrong_mails(city, logs, told))
    _require("who stops following hears of nothing more", _unwanted_mails(city, told))


def _require(promise: str, faults: Any) -> None:
    found = list(faults)
    if found:
        raise Broken(f"{promise}: {found[:5]}")


def _gaps(city: City) -> Iterator[str]:
    for name in city.nodes:
        for column, table in (("seq", "events"), ("public_seq", "public")):
            low, high, count = city.rows(
                name, f"SELECT min({column}), max({column}), count(*) FROM {table}"
            )[0]
            if count and (low, high) != (1, count):
                yield f"{name} {table}: {count} rows from {low} to {high}"
        sql = (
            "SELECT stream FROM events GROUP BY stream "
            "HAVING min(version) != 1 OR max(version) != count(*)"
        )
        for (stream,) in city.rows(name, sql):
            yield f"{name} stream {stream}"


def _lost(logs: Logs, told: Remembered) -> Iterator[str]:
    ids = {name: Counter(leaf.id for leaf in leaves) for name, leaves in logs.leaves.items()}
    for service, event_id in told.acknowledged:
        if ids[service][event_id] != 1:
            yield f"{service} {event_id} stands {ids[service][event_id]} times"
    for service, counted in ids.items():
        for event_id, times in counted.items():
            if times != 1:
                yield f"{service} {event_id} stands {times} times"


def _wrong_texts(city: City, logs: Logs) -> Iterator[str]:
    for name, leaves in logs.leaves.items():
        held: dict[str, list[str]] = defaultdict(list)
        for id, *text in city.rows(name, "SELECT id, name, salt, value FROM disclosures"):
            held[id].append(disclosure_digest(Disclosure(*text)))
        for leaf in leaves:
            if sorted(held.pop(leaf.id, [])) != sorted(leaf.digests):
                yield f"{name} {leaf.type} {leaf.id}"
        sql = "SELECT stream || '@' || version FROM events"
        places = {place for (place,) in city.rows(name, sql)}
        for id in held.keys() - places:  # Private texts are kept by their event's place.
            yield f"{name} {id} is neither a leaf nor an event"


def _differing_streams(city: City, logs: Logs) -> Iterator[str]:
    for name, leaves in logs.raw.items():
        stream = city.machine.bus.streams.get(f"PUBLIC_{name.upper()}")
        messages = [stream.messages[seq] for seq in sorted(stream.messages)] if stream else []
        if len(messages) != len(leaves):
            yield f"{name}: {len(messages)} messages for {len(leaves)} leaves"
        for number, (message, leaf) in enumerate(zip(messages, leaves, strict=False), 1):
            seq = read_headers(message.headers).get("cahier-seq")
            if (message.seq, seq, message.body) != (number, str(number), leaf):
                yield f"{name}: message {message.seq} says {seq}"


def _check_election(budget: BudgetView, told: Remembered) -> None:
    election = budget.elections[told.election]
    _require("votes stand as their voters were told", _wrong_votes(election, told))
    ours = recount(election)
    _require("the result is the fold of the log", ours.findings)
    if told.result is None:
        return
    announced = {each.number: each.votes for each in told.result.outcomes}
    counted = dict(zip(ours.result.numbers, ours.result.votes, strict=True))
    if announced != counted or tuple(told.result.selected) != ours.result.selected:
        raise Broken(f"the announced result is the counted one: {announced} is not {counted}")
    if not any(vote.unsure for vote in told.votes.values()):
        wanted = Counter[int]()
        for vote in told.votes.values():
            wanted.update(vote.acknowledged[-1] if vote.acknowledged else ())
        if any(counted[number] != wanted[number] for number in counted):
            raise Broken(f"every vote is counted as cast: {counted} is not {dict(wanted)}")


def _wrong_votes(election: Any, told: Remembered) -> Iterator[str]:
    for credential, vote in told.votes.items():
        held = election.ballots.get(credential)
        stored = held.ballot.sequence if held is not None else 0
        cast = len(vote.acknowledged)
        if stored < cast or (stored > cast and not vote.unsure):
            yield f"{credential[:8]}: ballot {stored} stands, {cast} were acknowledged"
    for credential in election.ballots.keys() - told.votes.keys():
        yield f"{credential[:8]}: a vote that nobody cast"


def _wrong_supports(consultation: ConsultationView, told: Remembered) -> Iterator[str]:
    for name, proposal in consultation.proposals.items():
        states = [state for (of, _), state in told.supports.items() if of == name]
        low, high = states.count(True), states.count(True) + states.count(None)
        if not low <= len(proposal.supporters) <= high:
            yield f"{name}: {len(proposal.supporters)} supports, told {low} to {high}"
        if name not in told.unsure_comments and proposal.comments != told.comments[name]:
            yield f"{name}: {proposal.comments} comments, told {told.comments[name]}"


def _late_voices(logs: Logs) -> Iterator[str]:
    withdrawn = set()
    for index, leaf in enumerate(logs.leaves.get("consultation", [])):
        proposal = getattr(leaf.event, "proposal", "")
        if leaf.type.endswith("proposal_withdrawn"):
            withdrawn.add(proposal)
        elif leaf.type.endswith("proposal_supported") and proposal in withdrawn:
            yield f"leaf {index} supports {proposal}"


def _wrong_ideas(city: City, consultation: ConsultationView, told: Remembered) -> Iterator[str]:
    withdrawn = {name for name, each in consultation.proposals.items() if each.withdrawn}
    if withdrawn != told.withdrawn:
        yield f"{sorted(withdrawn)} are withdrawn, told {sorted(told.withdrawn)}"
    titles = dict(city.rows("consultation", "SELECT id, title FROM proposals", "views.db"))
    if titles != told.titles:
        yield f"proposals are called {titles}, told {told.titles}"


def _wrong_views(city: City, consultation: ConsultationView, budget: BudgetView) -> Iterator[str]:
    sql = "SELECT id, state, withdrawn, supports, comments FROM proposals"
    shown = {row[0]: row[1:] for row in city.rows("consultation", sql, "views.db")}
    folded = {
        name: (each.state, int(each.withdrawn), len(each.supporters), each.comments)
        for name, each in consultation.proposals.items()
    }
    if shown != folded:
        yield f"consultation shows {shown}, the log says {folded}"
    accepted = {
        row[0]
        for row in city.rows(
            "budget",
            "SELECT proposal_id FROM proposals WHERE accepted_seq IS NOT NULL",
            "views.db",
        )
    }
    wanted = {
        name
        for name, each in consultation.proposals.items()
        if each.state == "accepted" and not each.withdrawn
    }
    if accepted != wanted:
        yield f"budget knows {accepted} as accepted, the log says {wanted}"
    ballots = dict(city.rows("budget", "SELECT election_id, ballots FROM elections", "views.db"))
    voters = {name: len(each.ballots) for name, each in budget.elections.items()}
    if ballots != voters:
        yield f"budget shows {ballots} ballots, the log holds {voters}"


def _wrong_reports(city: City, streets: ReportingView, told: Remembered) -> Iterator[str]:
    sql = "SELECT id, state, is_closed, promise_missed FROM reports"
    shown = {row[0]: row[1:] for row in city.rows("reporting", sql, "views.db")}
    folded = {
        name: (each.state, int(each.is_closed), int(each.promise_missed))
        for name, each in streets.reports.items()
    }
    if shown != folded:
        yield f"reporting shows {shown}, the log says {folded}"
    if sorted(folded) != sorted(told.reports):
        yield f"the log holds {sorted(folded)}, people reported {sorted(told.reports)}"


def _wrong_mails(city: City, logs: Logs, told: Remembered) -> Iterator[str]:
    taken = city.post.taken
    for (proposal, _), follow in told.follows.items():
        causes = [told.answers.get(proposal), told.published if proposal in told.projects else ""]
        for cause in causes:
            if cause and follow and _message_id(cause, follow) not in taken:
                yield f"no mail for follow {follow} about {proposal} because of {cause}"
    for message_id, contents in taken.items():
        # Who asks for another language between two tries gets the second try in that.
        languages = Counter(re.findall(LANGUAGE, each)[0] for each in set(contents))
        if languages.most_common(1)[0][1] != 1:
            yield f"{message_id} was written in {len(set(contents))} ways"
    mailings = [leaf.event for leaf in logs.leaves["notifications"]]
    counted = sum(getattr(each, "mails", 0) for each in mailings)
    # Who leaves while it is unsure whether the post has a mail is not asked for it again.
    perhaps = {_message_id(leaf.id, follow) for leaf in _all(logs) for follow in told.leavers}
    if not len(taken.keys() - perhaps) <= counted <= len(taken):
        yield f"the log tells of {counted} mails, the post has {len(taken)}"


def _unwanted_mails(city: City, told: Remembered) -> Iterator[str]:
    for follow, at_s in told.stopped.values():
        for cause, began_s in told.began.items():
            if began_s > at_s and _message_id(cause, follow) in city.post.taken:
                yield f"a mail for follow {follow}, {began_s - at_s:.3f} s after it ended"


def _all(logs: Logs) -> Iterator[Leaf]:
    return (leaf for leaves in logs.leaves.values() for leaf in leaves)


def _message_id(cause: str, follow: str) -> str:
    return f"<{message_digest(cause, follow)}@{CITY}>"


def view_rows(city: City) -> dict[str, dict[str, list[Any]]]:
    """All rows of all views, in an order that does not depend on when they came."""
    found = {}
    for name, node in city.nodes.items():
        found[name] = _tables(node.folder / "views.db")
    return found


def _tables(path: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
            for (name,) in names
        }
    finally:
        connection.close()


Check = Callable[[City, Remembered], None]
