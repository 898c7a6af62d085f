"""Elections as the Pabulib archive keeps them: the `.pb` format, read strictly and written back.

Cities publish and researchers compare elections in this format (Faliszewski et al.,
'Participatory Budgeting: Data, Tools, and Analysis', IJCAI 2023), so it is Cahier's way in and out.
"""

from cahier_record.budget.pabulib.counting import groups_by_district, profile_of, score_threshold
from cahier_record.budget.pabulib.exported import Names, exported
from cahier_record.budget.pabulib.meta_rules import (
    INSTALMENTS_COLUMN,
    instalments_of,
    meta_of_rules,
    rules_of,
)
from cahier_record.budget.pabulib.model import (
    WITHDRAWN_COST,
    Ballot,
    Instance,
    InvalidBallot,
    PabulibError,
    Project,
)
from cahier_record.budget.pabulib.numbers import cents, parse_amount
from cahier_record.budget.pabulib.own_terms import with_own_terms
from cahier_record.budget.pabulib.reader import read
from cahier_record.budget.pabulib.writer import write

__all__ = [
    "INSTALMENTS_COLUMN",
    "WITHDRAWN_COST",
    "Ballot",
    "Instance",
    "InvalidBallot",
    "Names",
    "PabulibError",
    "Project",
    "cents",
    "exported",
    "groups_by_district",
    "instalments_of",
    "meta_of_rules",
    "parse_amount",
    "profile_of",
    "read",
    "rules_of",
    "score_threshold",
    "with_own_terms",
    "write",
]
