"""What budget says in public when a result must be corrected: more is said, nothing is unsaid."""

from __future__ import annotations

from cahier_record.events import PublicEvent, public_event


@public_event("budget.v1.election.ballots_annulled")
class BallotsAnnulled(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """After voting closed: no ballot of these credentials counts from here on. Disclosed: reason.

    Counts that stood before are what they were; a count behind this leaves the ballots out.
    """

    election: str
    credentials: tuple[str, ...]
