"""`cahier export pabulib`: an election as a Pabulib file, rebuilt from the logs alone."""

from __future__ import annotations

import json
from typing import Any

from cahier_auditor.recount import opener
from cahier_cli.bundle import read_log
from cahier_cli.city import CityError, CityFolder
from cahier_cli.storage import StoresOf, open_stores
from cahier_record.budget.pabulib import Instance, exported
from cahier_record.budget.views import BudgetView, ElectionView
from cahier_record.consultation.views import ConsultationView
from cahier_record.events import decode_leaf


def export_pabulib(folder: CityFolder, election_id: str) -> Instance:
    """The election with its counted ballots; raises CityError where it cannot be told yet."""
    with open_stores(folder) as stores_of:
        names = _Names(stores_of)
        try:
            election = _election(stores_of, election_id)
            return exported(election, names, opener(election.private_key))
        finally:
            names.close()


class _Names:
    """The texts behind digests: from budget's own store and from consultation's."""

    def __init__(self, stores_of: StoresOf) -> None:
        self._budget = stores_of("budget").open_reader()
        self._consultation = stores_of("consultation").open_reader()
        self._proposals = ConsultationView()
        for row in read_log(stores_of("consultation")):
            self._proposals.apply(decode_leaf(row.leaf))

    def close(self) -> None:
        self._budget.close_reader()
        self._consultation.close_reader()

    def source(self, event_id: str) -> dict[str, Any]:
        """What an imported file said, as kept with the event; empty for others."""
        kept: dict[str, Any] = json.loads(self.text(event_id, "source") or "{}")
        return kept

    def text(self, event_id: str, name: str) -> str:
        return next((d.value for d in self._budget.disclosures(event_id) if d.name == name), "")

    def title(self, proposal_id: str) -> str:
        proposal = self._proposals.proposals.get(proposal_id)
        if proposal is None:
            return ""
        texts = self._consultation.disclosures(proposal.texts)
        return next((one.value for one in texts if one.name == "title"), "")


def _election(stores_of: StoresOf, election_id: str) -> ElectionView:
    view = BudgetView()
    for row in read_log(stores_of("budget")):
        view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    election = view.elections.get(election_id)
    if election is None:
        raise CityError(f"the city has no election {election_id}")
    if not election.private_key:
        raise CityError(f"voting in election {election_id} is not closed: its ballots are sealed")
    return election
