"""`python -m cahier_identity [--role all] [--migrate]`: serves identity."""

from __future__ import annotations

import os
import sys

from cahier_chassis.process import main
from cahier_identity.bootstrap import bootstrap
from cahier_identity.settings import IdentitySettings

if __name__ == "__main__":
    # Addresses and password hashes live in these files: they are nobody else's to read.
    os.umask(0o077)
    sys.exit(main("identity", IdentitySettings, bootstrap))
