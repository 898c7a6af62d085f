"""The Litestar application: routes, sessions, form signatures, limits, error pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Router, get
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router

from cahier_chassis.health import Health
from cahier_kernel.errors import DomainError
from cahier_portal import contracts, faults
from cahier_portal.api import api_router
from cahier_portal.edge import Edge
from cahier_portal.keys import csrf_secret
from cahier_portal.pages import (
    account,
    books,
    budget_map,
    budgets,
    comparison,
    development,
    events,
    following,
    history,
    home,
    open_data,
    own_share,
    personal,
    processes,
    projects,
    proposals,
    reports,
    results,
    staff,
    staff_budgets,
    staff_changes,
    staff_delivery,
    staff_import,
    staff_life,
    staff_reports,
    staff_steps,
    things,
    transparency,
    voting,
    what_if,
)
from cahier_portal.parameters import PathText
from cahier_portal.session import CSRF_COOKIE, SafeCookieBackend, cookie_config
from cahier_portal.visit import Page, Portal, Visit, visit_of

BODY_BYTES_MAX = 1024 * 1024
STATIC_S = 3600
_STATIC = Path(__file__).parent / "static"
_STATIC_PATH = re.compile(r"/static/[A-Za-z0-9._/-]{1,200}")
_PAGES = [
    home.home,
    processes.process_list,
    processes.process_page,
    processes.submit_proposal,
    proposals.proposal_page,
    proposals.support,
    proposals.unsupport,
    proposals.add_comment,
    proposals.edit_page,
    proposals.edit,
    proposals.withdraw_page,
    proposals.withdraw,
    account.sign_in_page,
    account.sign_in,
    account.register_page,
    account.register,
    account.sign_out,
    account.me,
    account.prove_residence,
    personal.export_page,
    personal.export_file,
    personal.erase_page,
    personal.erase,
    personal.erasure_page,
    open_data.open_data_page,
    open_data.open_data_file,
    open_data.election_file,
    events.asyncapi,
    events.events_page,
    development.inbox,
    development.status,
    following.follow,
    following.unsubscribe_page,
    following.unsubscribe,
    reports.report_list,
    reports.new_report_page,
    reports.new_report,
    reports.report_page,
    budgets.budget_list,
    budgets.budget_page,
    books.books_page,
    books.books_file,
    books.photo,
    books.versions_page,
    budget_map.map_page,
    comparison.compare_page,
    results.results_page,
    results.embedded_page,
    what_if.what_if_page,
    own_share.own_share_page,
    projects.project_page,
    projects.answer_change,
    projects.assess_page,
    projects.assess,
    staff_life.life_page,
    staff_life.plan,
    staff_life.enter,
    staff_life.choose_analysis,
    staff_changes.changes_page,
    staff_changes.merge,
    staff_changes.split,
    staff_changes.withdraw,
    voting.vote_page,
    voting.vote,
    voting.done_page,
    things.things,
    history.history_page,
    transparency.transparency,
    transparency.check_receipt,
    transparency.receipt_page,
    staff.desk,
    staff.new_process_page,
    staff.new_process,
    staff.process_desk,
    staff.reschedule,
    staff.answer_page,
    staff.answer_proposal,
    staff_budgets.new_budget_page,
    staff_budgets.new_budget,
    staff_budgets.budget_desk,
    staff_budgets.add_projects,
    staff_budgets.project_page,
    staff_budgets.judge_project,
    staff_budgets.rules_page,
    staff_budgets.change_rules,
    staff_import.import_page,
    staff_import.import_file,
    staff_reports.report_desk,
    staff_reports.handle_page,
    staff_reports.handle,
    staff_reports.categories_page,
    staff_reports.define_category,
    staff_delivery.delivery_desk,
    staff_delivery.close_books,
    staff_delivery.project_delivery,
    staff_delivery.action_page,
    staff_delivery.take_action,
    staff_delivery.corrections_page,
    staff_delivery.correct,
    staff_steps.step_page,
    staff_steps.take_step,
]
_CONTRACTS = [
    contracts.health_page,
    contracts.disclosures,
    contracts.log_file,
    contracts.receipt,
    contracts.read_clock,
    contracts.set_clock,
    contracts.later,
]


@get("/{rest:path}")
async def nowhere(rest: PathText) -> Page:
    """Every other address: routed, so that the page knows who visits."""
    raise NotFoundException(f"no page at {rest}")


def build_app(portal: Portal, health: Health, key: bytes) -> Edge:
    """The whole site as one ASGI application. key: the session key."""
    secure = portal.settings.is_https
    sessions = cookie_config(key, secure=secure)
    app = Litestar(
        route_handlers=[
            Router("/", route_handlers=[*_PAGES, *_CONTRACTS, nowhere], include_in_schema=False),
            api_router,
            create_static_files_router(
                path="/static",
                directories=[_STATIC],
                before_request=_named_like_ours,
                opt={"skip_session": True, "exclude_from_csrf": True},
                cache_control=CacheControlHeader(public=True, max_age=STATIC_S),
                include_in_schema=False,
            ),
        ],
        dependencies={"visit": Provide(_visit, sync_to_thread=False)},
        middleware=[sessions.middleware],
        csrf_config=CSRFConfig(
            secret=csrf_secret(key),
            cookie_name=CSRF_COOKIE,
            cookie_secure=secure,
            cookie_httponly=True,
        ),
        exception_handlers={
            DomainError: faults.on_domain_error,
            HTTPException: faults.on_http_error,
            Exception: faults.on_accident,
        },
        openapi_config=_openapi(portal),
        request_max_body_size=BODY_BYTES_MAX,
        state=State({"portal": portal, "health": health, "sessions": SafeCookieBackend(sessions)}),
        logging_config=None,
    )
    return Edge(app, is_https=secure, language=portal.settings.language)


def _named_like_ours(request: Request[Any, Any, Any]) -> None:
    """Raises NotFoundException for names that a file system might not even take."""
    if _STATIC_PATH.fullmatch(request.url.path) is None:
        raise NotFoundException


def _visit(request: Request[Any, Any, Any]) -> Visit:
    visit = visit_of(request, request.app.state.portal)
    request.scope["visit"] = visit  # type: ignore[typeddict-unknown-key]
    return visit


def _openapi(portal: Portal) -> OpenAPIConfig:
    return OpenAPIConfig(
        title=f"Cahier, {portal.settings.display_name}",
        version="1.0.0",
        description="Read what the city's residents propose and decide.",
        path="/api/v1/schema",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )
