"""`python -m cahier_notifications [--role all]`: serves notifications until it is told to stop."""

from __future__ import annotations

import sys

from cahier_chassis.process import EXIT_NOT_STARTED, run
from cahier_notifications.bootstrap import bootstrap
from cahier_notifications.settings import NotificationsSettings


def main(arguments: list[str]) -> int:
    """The exit code; this release runs all roles in one process."""
    if arguments not in ([], ["--role", "all"], ["--role=all"]):
        sys.stderr.write(
            "usage: python -m cahier_notifications [--role all]; roles are split on PostgreSQL "
            "only, which this release does not serve yet\n"
        )
        return EXIT_NOT_STARTED
    return run("notifications", NotificationsSettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
