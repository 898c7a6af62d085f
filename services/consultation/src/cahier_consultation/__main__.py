"""`python -m cahier_consultation [--role all] [--migrate]`: serves consultation."""

from __future__ import annotations

import sys

from cahier_chassis.process import main
from cahier_consultation.bootstrap import bootstrap
from cahier_consultation.settings import ConsultationSettings

if __name__ == "__main__":
    sys.exit(main("consultation", ConsultationSettings, bootstrap))
