"""Which witnesses had to cosign the log that a vote stands in: the policy of its opening.

The vote's first entry commits to that policy by its digest, so that what is shown here is what was
promised then, whatever the city asks for by now.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_ledger.log.policy import NONE, BadPolicy, Policy
from cahier_portal.publiclog import PublicLogs
from cahier_portal.visit import or_none

SERVICE = "budget"


@dataclass(frozen=True)
class VotePolicy:
    """What a vote was opened under. digest: "" where the log signed alone.

    policy: None where the log does not show the one of that digest, or is away.
    """

    digest: str
    policy: Policy | None = None

    @property
    def quorum(self) -> str:
        """The witness or group that had to cosign; "" for none."""
        named = NONE if self.policy is None else self.policy.quorum
        return "" if named == NONE else named

    @property
    def witnesses(self) -> list[str]:
        """The names of those that were asked."""
        return [] if self.policy is None else [each.name for each in self.policy.witnesses]

    @property
    def address(self) -> str:
        """Where the policy may be read, without the host."""
        return f"/tlog/{SERVICE}/policies/{self.digest}"


async def policy_of_vote(logs: PublicLogs, election: budget.Election) -> VotePolicy | None:
    """The policy of a vote that has been opened; None before."""
    if election.state < budget.ELECTION_STATE_OPEN:
        return None
    digest = election.log_policy_digest
    raw = await or_none(logs.file(SERVICE, f"policies/{digest}")) if digest else None
    return VotePolicy(digest, _parsed(raw, digest))


def _parsed(raw: bytes | None, digest: str) -> Policy | None:
    """The policy, if it is the one of that digest."""
    if raw is None or hashlib.sha256(raw).hexdigest() != digest:
        return None
    try:
        return Policy.parse(raw)
    except BadPolicy:
        return None
