"""The only wiring of the portal: settings in, a served site out."""

from __future__ import annotations

from importlib.metadata import version

from cahier_chassis.unit import Unit
from cahier_kernel.clock import SystemClock
from cahier_portal.app import build_app
from cahier_portal.bookkeeping import AddedUp
from cahier_portal.clients import Services
from cahier_portal.costs import StagedCosts
from cahier_portal.doors import LogDoors
from cahier_portal.keys import session_key
from cahier_portal.opendata.library import Library
from cahier_portal.publiclog import PublicLogs
from cahier_portal.rendering import Renderer
from cahier_portal.session import AccessTokens
from cahier_portal.settings import PortalSettings
from cahier_portal.texts import ProposalTexts
from cahier_portal.throttle import Throttle
from cahier_portal.visit import Portal
from cahier_portal.watch import UnitWatch


async def bootstrap(unit: Unit, settings: PortalSettings) -> None:
    """Wires the site into its unit. It is ready at once: services may come and go."""
    services = Services(
        settings.identity_address,
        settings.consultation_address,
        settings.budget_address,
        settings.reporting_address,
        settings.notifications_address,
    )
    unit.on_close("services", services.close)
    portal = build_portal(settings, services)
    unit.on_close("logs", portal.doors.close)
    unit.on_close("open data", portal.open_data.close)
    unit.serve_http(build_app(portal, unit.health, session_key(settings.data_dir)))


def build_portal(settings: PortalSettings, services: Services) -> Portal:
    """What all requests share."""
    zone, doors = settings.zone, LogDoors(settings.unit_metrics)
    texts, logs = ProposalTexts(services.consultation), PublicLogs(doors)
    costs = StagedCosts(logs)
    return Portal(
        settings=settings,
        services=services,
        # Tokens live in the machine's time, whatever the city's clock says.
        tokens=AccessTokens(services.identity, SystemClock().now),
        texts=texts,
        renderer=Renderer(settings.display_name, zone, version("cahier-portal")),
        throttle=Throttle(settings.sign_in_tries_per_minute),
        anonymous_throttle=Throttle(settings.anonymous_reports_per_minute),
        what_if_throttle=Throttle(settings.what_ifs_per_minute),
        clock=settings.clock(),
        watch=UnitWatch(settings.unit_metrics if settings.keep_traces else {}, SystemClock().now),
        doors=doors,
        logs=logs,
        open_data=Library(settings.data_dir / "open-data", services, logs, texts, costs),
        added_up=AddedUp(),
        costs=costs,
    )
