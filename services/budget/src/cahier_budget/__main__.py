"""`python -m cahier_budget [--role all]`: serves the budget of one city."""

from __future__ import annotations

import argparse
import sys

from cahier_budget.bootstrap import bootstrap
from cahier_budget.settings import BudgetSettings
from cahier_chassis.process import EXIT_NOT_STARTED, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="cahier_budget", description=__doc__)
    parser.add_argument(
        "--role", default="all", choices=["all", "api", "relay", "project", "react"]
    )
    if parser.parse_args().role != "all":
        sys.stderr.write("roles are split on PostgreSQL only, which this release does not serve\n")
        sys.exit(EXIT_NOT_STARTED)
    sys.exit(run("budget", BudgetSettings, bootstrap))
