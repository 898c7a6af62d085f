"""`python -m cahier_identity [--role all]`: serves identity until it is told to stop."""

from __future__ import annotations

import os
import sys

from cahier_chassis.process import EXIT_NOT_STARTED, run
from cahier_identity.bootstrap import bootstrap
from cahier_identity.settings import IdentitySettings


def main(arguments: list[str]) -> int:
    """The exit code; this release runs all roles in one process."""
    if arguments not in ([], ["--role", "all"], ["--role=all"]):
        sys.stderr.write(
            "usage: python -m cahier_identity [--role all]; roles are split on PostgreSQL only, "
            "which this release does not serve yet\n"
        )
        return EXIT_NOT_STARTED
    # Addresses and password hashes live in these files: they are nobody else's to read.
    os.umask(0o077)
    return run("identity", IdentitySettings, bootstrap)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
