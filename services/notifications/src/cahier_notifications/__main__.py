"""`python -m cahier_notifications [--role all] [--migrate]`: serves notifications."""

from __future__ import annotations

import sys

from cahier_chassis.process import main
from cahier_notifications.bootstrap import bootstrap
from cahier_notifications.settings import NotificationsSettings

if __name__ == "__main__":
    sys.exit(main("notifications", NotificationsSettings, bootstrap))
