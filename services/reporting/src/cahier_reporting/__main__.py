"""`python -m cahier_reporting [--role all] [--migrate]`: serves reporting."""

from __future__ import annotations

import sys

from cahier_chassis.process import main
from cahier_reporting.bootstrap import bootstrap
from cahier_reporting.settings import ReportingSettings

if __name__ == "__main__":
    sys.exit(main("reporting", ReportingSettings, bootstrap))
