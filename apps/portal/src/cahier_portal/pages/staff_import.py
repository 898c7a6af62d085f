"""A city's own table of projects, uploaded by staff: first what it would do, then the doing.

Between the two the page itself carries the file, so that nothing is kept here of what nobody may
confirm; it is read and judged again before anything is carried.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from litestar import get, post
from litestar.datastructures import UploadFile

from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import error_sentence, knows, t
from cahier_portal.forms import FieldErrors, Form, FormError, status_of
from cahier_portal.importing.carrying import Plan, carry, plan_of
from cahier_portal.importing.projects import NAMES, Refused
from cahier_portal.pages.budgets import read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit

FILE_BYTES_MAX = 600 * 1024
"""The page carries it in four thirds of its size, within the bound of a request."""
ROWS_MAX = 300
"""More are imported from the command line: nobody waits so long for a page."""
SHOWN_MAX = 100


@dataclass(frozen=True)
class VisitorDoors:
    """Carries in the visitor's own name: who uploads a project is who proposes it."""

    visit: Visit

    async def propose(self, request: Any, key: str) -> Any:
        """Proposes as the visitor."""
        return await self.visit.consultation(request, key)

    async def consultation(self, request: Any, key: str = "") -> Any:
        """Asks consultation as the visitor."""
        return await self.visit.consultation(request, key)

    async def budget(self, request: Any, key: str = "") -> Any:
        """Asks budget as the visitor."""
        return await self.visit.budget(request, key)


@get("/staff/budgets/{election_id:uuid}/import")
async def import_page(visit: Caller, election_id: PathId) -> Page:
    """The form to choose a file."""
    visit.staff()
    return await _page(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/import", status_code=200)
async def import_file(visit: Caller, election_id: PathId) -> Answer:
    """A dry run of the file that is sent; with `confirmed`, the import."""
    visit.staff()
    fields = await visit.request.form()
    form, doors = Form(fields), VisitorDoors(visit)
    try:
        raw = await _file_of(fields.get("file"), form)
        plan = await plan_of(doors, str(election_id), raw)
        _require_few(plan)
        if not form.text("confirmed"):
            return await _page(visit, str(election_id), plan=plan, file=_carried(raw))
        now = Timestamp()
        now.FromDatetime(visit.portal.clock.now())
        await carry(doors, plan, now)
    except (DomainError, FieldErrors) as error:
        return await _page(visit, str(election_id), status_of(error), errors=_mend(error))
    return await _page(visit, str(election_id), plan=plan, done=True)


async def _file_of(sent: Any, form: Form) -> bytes:
    """The uploaded file, or the one that the page carried; raises FieldErrors."""
    if isinstance(sent, UploadFile):
        raw = await sent.read(FILE_BYTES_MAX + 1)
    else:
        try:
            raw = base64.urlsafe_b64decode(form.raw("carried"))
        except (binascii.Error, ValueError):
            raw = b""
    if not raw:
        raise FieldErrors(FormError("file", t("error.no_table")))
    if len(raw) > FILE_BYTES_MAX:
        most = FILE_BYTES_MAX // 1024
        raise FieldErrors(FormError("file", t("error.table_too_large_here", most=most)))
    return raw


def _carried(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _require_few(plan: Plan) -> None:
    if len(plan.new) > ROWS_MAX:
        raise FieldErrors(FormError("file", t("error.table_too_long_here", most=ROWS_MAX)))


def _mend(error: DomainError | FieldErrors) -> list[FormError]:
    """What is wrong with the file as a whole; raises what no other file would mend."""
    if isinstance(error, FieldErrors):
        return error.errors
    if error.kind in (Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.NOT_SERVED):
        raise error
    return [FormError("file", error_sentence(error))]


async def _page(
    visit: Visit,
    election_id: str,
    status: int = 200,
    plan: Plan | None = None,
    **context: Any,
) -> Page:
    election = await read_election(visit, election_id)
    held = {"file": "", "done": False, **context}
    refused = [] if plan is None else [_Line(each) for each in plan.refused]
    return visit.page(
        "staff/import.html",
        status,
        election=election,
        plan=plan,
        columns=[(name, names[1:]) for name, names in NAMES.items()],
        refused=refused[:SHOWN_MAX],
        more_refused=max(0, len(refused) - SHOWN_MAX),
        kilobytes=FILE_BYTES_MAX // 1024,
        rows_max=ROWS_MAX,
        shown_max=SHOWN_MAX,
        **held,
    )


class _Line:
    """A refused line as the page shows it."""

    def __init__(self, refused: Refused) -> None:
        self.number, self.reference = refused.line, refused.reference
        field = refused.error.field
        self.field = t(f"import.column_{field}") if knows(f"import.column_{field}") else field
        self.sentence = error_sentence(refused.error)
