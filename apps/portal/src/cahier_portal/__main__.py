"""Serves the site: `python -m cahier_portal`, with PORTAL_* in the environment."""

from __future__ import annotations

import sys

from cahier_chassis.process import run
from cahier_portal.bootstrap import bootstrap
from cahier_portal.settings import PortalSettings

if __name__ == "__main__":
    sys.exit(run("portal", PortalSettings, bootstrap))
