"""Commands on categories and reports: who may, load, decide, store, publish, in one append.

Each command may be repeated under an idempotency key: `keep` turns the receipt into the answer
that is stored in the append's own transaction. A refused command appends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cahier_chassis.erasing import not_erased
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Forbidden, Unauthenticated
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import (
    AggregateNotFound,
    Aggregates,
    retry_on_conflict,
    stream_name,
)
from cahier_ledger.model import Appended, Idempotency
from cahier_ledger.store import LedgerReader
from cahier_record.places import Position
from cahier_reporting.application.ports import CategoryRow, Pseudonyms, ReadModel
from cahier_reporting.application.publishing import event_id
from cahier_reporting.domain.category import Category, category_id
from cahier_reporting.domain.report import Report
from cahier_reporting.domain.states import State


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command did. id: of the report, or ""; event_id: of the public event.

    answer_by: until when an answer to a new report is promised, if it is.
    """

    id: str
    event_id: str
    answer_by: datetime | None = None


Keep = Callable[[Receipt], Idempotency | None]
_Done = tuple[Receipt, Appended]


@dataclass(frozen=True, slots=True)
class NewReport:
    """on_behalf_of: the person who reports, when an importer speaks for them; else ""."""

    category: str
    position: Position | None
    address: str
    description: str
    on_behalf_of: str


def reporter_of(claims: Claims | None, on_behalf_of: str) -> str:
    """The id of the person who reports, or "" when that is not known.

    Raises Forbidden `role_required`; Unauthenticated `token_missing` for a caller without a token
    who names somebody.
    """
    if claims is None:
        if on_behalf_of:
            raise Unauthenticated("token_missing", "the call needs an access token")
        return ""
    if on_behalf_of and "importer" not in claims.roles:
        raise Forbidden(
            "role_required",
            "only an importer acts on behalf of others",
            field="on_behalf_of",
            role="importer",
        )
    require_role(claims, "resident", "importer")
    return on_behalf_of or (claims.subject if "resident" in claims.roles else "")


class Commands:
    """Categories and reports, on aggregates."""

    def __init__(
        self,
        ledger: LedgerReader,
        aggregates: Aggregates,
        pseudonyms: Pseudonyms,
        views: ReadModel,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._pseudonyms = pseudonyms
        self._views = views
        self._clock = clock

    async def define_category(self, claims: Claims, values: CategoryRow, keep: Keep) -> Receipt:
        """Repeating the values that a category has answers the same and appends nothing."""
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            category = self._defined(values, now)
            receipt = Receipt("", event_id(category.id, category.version))
            return receipt, self._aggregates.save(category, idempotency=keep(receipt))

        return await self._run(decide)

    async def report_problem(self, claims: Claims | None, new: NewReport, keep: Keep) -> Receipt:
        """Raises NotFound `category_not_found`, Unauthenticated `person_erased`, and what
        Report.receive raises.
        """
        reporter = reporter_of(claims, new.on_behalf_of)

        def decide(now: datetime) -> _Done:
            lives = not_erased(self._ledger, reporter) if reporter else ()
            category = self._aggregates.get(Category, category_id(new.category))
            report = self._report(new, category, reporter, now)
            receipt = _receipt(report, Report.Created, report.answer_by)
            # A report is received under the values that its category has then.
            appended = self._aggregates.save(
                report,
                requires=(*lives, (stream_name(category.id), category.version)),
                idempotency=keep(receipt),
            )
            return receipt, appended

        return await self._run(decide)

    async def route_report(
        self, claims: Claims, report_id: UUID, department: str, reason: str, keep: Keep
    ) -> Receipt:
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            report = self._aggregates.get(Report, report_id)
            report.route(department=department, reason=reason, now=now)
            return self._save(report, Report.Routed, keep)

        return await self._run(decide)

    async def answer_report(
        self, claims: Claims, report_id: UUID, state: State, text: str, keep: Keep
    ) -> Receipt:
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            report = self._aggregates.get(Report, report_id)
            report.give_answer(state=state, text=text, now=now)
            return self._save(report, Report.Answered, keep)

        return await self._run(decide)

    async def close_report(
        self,
        claims: Claims,
        report_id: UUID,
        outcome: State,
        text: str,
        duplicate_of: UUID | None,
        keep: Keep,
    ) -> Receipt:
        """Raises NotFound `report_not_found`, `duplicate_of_not_found`, and as Report.close."""
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            report = self._aggregates.get(Report, report_id)
            original = self._original(duplicate_of)
            report.close(outcome=outcome, text=text, duplicate_of=original, now=now)
            return self._save(report, Report.Closed, keep, original)

        return await self._run(decide)

    def _defined(self, values: CategoryRow, now: datetime) -> Category:
        try:
            category = self._aggregates.get(Category, category_id(values.code))
        except AggregateNotFound:
            return Category.define(
                code=values.code,
                label=values.label,
                department=values.department,
                promise_days=values.promise_days,
                anonymous=values.anonymous,
                now=now,
            )
        category.redefine(
            label=values.label,
            department=values.department,
            promise_days=values.promise_days,
            anonymous=values.anonymous,
            now=now,
        )
        return category

    def _report(self, new: NewReport, category: Category, reporter: str, now: datetime) -> Report:
        report_id = uuid7(now)
        return Report.receive(
            id=report_id,
            category=category,
            reporter=reporter,
            pseudonym=self._pseudonyms.of(reporter, str(report_id)) if reporter else "",
            position=new.position,
            address=new.address,
            description=new.description,
            now=now,
        )

    def _original(self, duplicate_of: UUID | None) -> Report | None:
        if duplicate_of is None:
            return None
        return self._aggregates.get(Report, duplicate_of, code="duplicate_of_not_found")

    async def _run(self, decide: Callable[[datetime], _Done]) -> Receipt:
        """Decides in a thread, again when somebody was faster; then waits for the views."""
        receipt, appended = await asyncio.to_thread(
            retry_on_conflict, lambda: decide(self._clock.now())
        )
        if appended.seqs:
            await self._views.settle(appended.seqs[-1])
        return receipt

    def _save(
        self, report: Report, told: type, keep: Keep, original: Report | None = None
    ) -> _Done:
        receipt = _receipt(report, told)
        # The report that this one repeats must not have become a duplicate meanwhile.
        stands = original is not None and original.id != report.id
        requires = ((stream_name(original.id), original.version),) if stands and original else ()
        return receipt, self._aggregates.save(report, requires=requires, idempotency=keep(receipt))


def _receipt(report: Report, told: type, answer_by: datetime | None = None) -> Receipt:
    """The receipt for the pending event of class `told`."""
    event = next(event for event in report.pending_events if isinstance(event, told))
    return Receipt(str(report.id), event_id(report.id, event.originator_version), answer_by)
