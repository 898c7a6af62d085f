"""One request to the site: who visits, what they may ask of services, and the page they get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from litestar import Request, Response
from litestar.enums import MediaType
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER
from litestar.template.base import csrf_token

from cahier_kernel.clock import Clock
from cahier_kernel.errors import DomainError, Forbidden, Kind, Unauthenticated
from cahier_kernel.ids import uuid7
from cahier_portal import session
from cahier_portal.bookkeeping import AddedUp
from cahier_portal.catalogue import language
from cahier_portal.clients import Service, Services, is_read
from cahier_portal.costs import StagedCosts
from cahier_portal.doors import LogDoors
from cahier_portal.opendata.library import Library
from cahier_portal.publiclog import PublicLogs
from cahier_portal.rendering import Renderer
from cahier_portal.session import AccessTokens, Visitor
from cahier_portal.settings import PortalSettings
from cahier_portal.texts import ProposalTexts
from cahier_portal.throttle import Throttle
from cahier_portal.watch import UnitWatch

Page = Response[str]
Answer = Response[Any]


@dataclass(frozen=True)
class Portal:
    """What all requests share."""

    settings: PortalSettings
    services: Services
    tokens: AccessTokens
    texts: ProposalTexts
    renderer: Renderer
    throttle: Throttle
    # For what people may do without signing in.
    anonymous_throttle: Throttle
    # For questions whose answers are counted anew.
    what_if_throttle: Throttle
    clock: Clock
    watch: UnitWatch
    logs: PublicLogs
    doors: LogDoors
    open_data: Library
    added_up: AddedUp
    costs: StagedCosts

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which people read and write dates."""
        return self.settings.zone


@dataclass
class Visit:
    """A request with the portal behind it. Made anew for each request."""

    request: Request[Any, Any, Any]
    portal: Portal
    visitor: Visitor | None
    # Set when identity is away: the page is then made as for an anonymous visitor.
    identity_away: bool = field(default=False)

    # -- asking services ---------------------------------------------------------------------

    async def identity(self, request: Any, key: str = "") -> Any:
        """Asks identity in the visitor's name; raises DomainError."""
        return await self._ask(self.portal.services.identity, request, key)

    async def consultation(self, request: Any, key: str = "") -> Any:
        """Asks consultation in the visitor's name; raises DomainError."""
        return await self._ask(self.portal.services.consultation, request, key)

    async def budget(self, request: Any, key: str = "") -> Any:
        """Asks budget in the visitor's name (never for a ballot); raises DomainError."""
        return await self._ask(self.portal.services.budget, request, key)

    async def reporting(self, request: Any, key: str = "") -> Any:
        """Asks reporting in the visitor's name; raises DomainError, NotServed where it is not."""
        return await self._ask(self.portal.services.required("reporting"), request, key)

    async def notifications(self, request: Any, key: str = "") -> Any:
        """Asks notifications in the visitor's name; raises DomainError, NotServed."""
        return await self._ask(self.portal.services.required("notifications"), request, key)

    async def _ask(self, service: Service, request: Any, key: str) -> Any:
        token = await self._token(service.name, optional=is_read(request))
        return await service.ask(request, token=token, idempotency_key=key)

    async def _token(self, audience: str, *, optional: bool) -> str:
        if self.visitor is None:
            return ""
        if optional and self.identity_away:
            return ""
        try:
            return await self.portal.tokens.get(self.visitor, audience)
        except DomainError as error:
            if not (optional and error.kind is Kind.UNAVAILABLE):
                raise
            self.identity_away = True
            return ""

    # -- who it is ---------------------------------------------------------------------------

    def signed_in(self) -> Visitor:
        """The visitor; raises Unauthenticated, which leads to the sign-in page and back."""
        if self.visitor is None:
            raise Unauthenticated("session_missing", "this needs a session")
        return self.visitor

    def staff(self) -> Visitor:
        """The visitor, who works for the city; raises Forbidden for others."""
        visitor = self.signed_in()
        if not visitor.is_staff:
            raise Forbidden("role_required", "this needs the role staff", role="staff")
        return visitor

    @property
    def address(self) -> str:
        """Where the request came from, for slowing down guesses; never stored or logged."""
        return self.request.client.host if self.request.client else ""

    # -- answering ---------------------------------------------------------------------------

    def page(self, template: str, status: int = 200, **context: Any) -> Page:
        """The page of a template."""
        held = self._session()
        html = self.portal.renderer.render(
            template,
            visitor=self.visitor,
            notice=session.take_notice(held),
            path=self.request.url.path,
            csrf=self._csrf(),
            form_key=str(uuid7(self.portal.clock.now())),
            identity_away=self.identity_away,
            here=self._here(),
            running=self.portal.services.names,
            **{"errors": [], "values": {}, **context},
        )
        headers = {**_NOT_SHARED, "content-language": language()}
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)

    def _here(self) -> str:
        """The address of this page up to where `lang=` is put, for the language links."""
        path, _, query = self._return_path().partition("?")
        kept = [part for part in query.split("&") if part and not part.startswith("lang=")]
        return path + "?" + "".join(f"{part}&" for part in kept)

    def _csrf(self) -> str:
        # Where no route was found nothing has read the cookie yet; it holds the same token.
        held = csrf_token({"request": self.request})
        return held or self.request.cookies.get(session.CSRF_COOKIE, "")

    def redirect(self, path: str, message: str = "", receipt: str = "") -> Redirect:
        """Sends the browser to a page of ours by GET, with a notice for it to show."""
        if message:
            session.leave_notice(self._session(), message, receipt)
        return Redirect(path, status_code=HTTP_303_SEE_OTHER, headers=_NOT_SHARED)

    def to_sign_in(self) -> Redirect:
        """Ends what is left of the session and leads to the sign-in page and back here."""
        session.sign_out(self._session())
        return self.redirect(f"/sign-in?next={quote(self._return_path(), safe='/')}")

    def _return_path(self) -> str:
        # An action's own address leads to its page when it is read: see `page_of_action`.
        query = self.request.url.query if self.request.method == "GET" else ""
        return self.request.url.path + (f"?{query}" if query else "")

    def _session(self) -> dict[str, Any]:
        # An error before routing leaves no session in the scope.
        held = self.request.scope.get("session")
        if isinstance(held, dict):
            return held
        fresh: dict[str, Any] = {}
        if "session" in self.request.scope:
            self.request.set_session(fresh)
        return fresh


_NOT_SHARED = {"cache-control": "no-store"}


def visit_of(request: Request[Any, Any, Any], portal: Portal) -> Visit:
    """The visit that a request makes."""
    held = request.scope.get("session")
    visitor = session.visitor_of(held) if isinstance(held, dict) else None
    return Visit(request, portal, visitor)


async def or_none(asked: Any) -> Any:
    """What was asked for, or None while its service is away; for parts of a page."""
    try:
        return await asked
    except DomainError as error:
        if error.kind is not Kind.UNAVAILABLE:
            raise
        return None


def page_of_action(path: str, query: str) -> str:
    """The page that an address belongs to which only takes forms: the one above it.

    A form that came back with its errors leaves its own address in the browser; links without a
    path, the languages and whoever opens the address again then ask for it by GET.
    """
    above = path.rstrip("/").rpartition("/")[0] or "/"
    return f"{above}?{query}" if query else above
