"""`python -m cahier_reporting [--role all]`: serves reporting until it is told to stop."""

from __future__ import annotations

import sys

from cahier_chassis.process import EXIT_NOT_STARTED, run
from cahier_reporting.bootstrap import bootstrap
from cahier_reporting.settings import ReportingSettings


def main(arguments: list[str]) -> int:
    """The exit code; this release runs all roles in one process."""
    if arguments not in ([], ["--role", "all"], ["--role=all"]):
        sys.stderr.write(
            "usage: python -m cahier_reporting [--role all]; roles are split on PostgreSQL "
            "only, which this release does not serve yet\n"
        )
        return EXIT_NOT_STARTED
    return run("reporting", ReportingSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
