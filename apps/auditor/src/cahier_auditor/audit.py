"""The audits as functions: what the command does, for programs that have a bundle at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cahier_auditor.findings import Findings
from cahier_auditor.progress import Progress
from cahier_auditor.recount import Recount, choose_elections, recount_versions
from cahier_auditor.replay import Replay, replay
from cahier_auditor.source import Source, open_source
from cahier_auditor.verify import verify
from cahier_auditor.workers import default_jobs
from cahier_ledger.log.policy import Policy


@dataclass(frozen=True)
class Counted:
    """A recount and the currency of its election."""

    recount: Recount
    currency: str


def replay_source(
    source: Source,
    own: Policy | None = None,
    *,
    until: datetime | None = None,
    jobs: int | None = None,
) -> Replay:
    """Verifies, then replays; the replay's findings are those of both."""
    progress = Progress()
    verified = verify(source, own, jobs or default_jobs(), progress)
    return replay(source, verified, progress, until)


def recount_source(
    source: Source, own: Policy | None, wanted: str, findings: Findings, jobs: int | None = None
) -> Iterator[Counted]:
    """Verifies, replays, and recounts the elections that are `wanted` (an id, or `all`).

    What does not hold is added to `findings`. One for each count that a
    city told. Raises CannotAudit as choose_elections and recount.
    """
    replayed = replay_source(source, own, jobs=jobs)
    findings.extend(replayed.findings)
    for election in choose_elections(replayed, wanted):
        for counted in recount_versions(election):
            findings.extend(counted.findings)
            yield Counted(counted, election.created.currency)


def audit_election(place: str, election: str) -> Findings:
    """Everything that does not hold of a bundle and of one election in it.

    Raises CannotAudit where it cannot be told.
    """
    findings = Findings()
    for _ in recount_source(open_source(place), None, election, findings):
        pass
    return findings
