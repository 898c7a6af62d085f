"""`python -m cahier_budget [--role all] [--migrate]`: serves budget."""

from __future__ import annotations

import sys

from cahier_budget.bootstrap import bootstrap
from cahier_budget.settings import BudgetSettings
from cahier_chassis.process import main

if __name__ == "__main__":
    sys.exit(main("budget", BudgetSettings, bootstrap))
