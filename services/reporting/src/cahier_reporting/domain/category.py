"""A kind of problem: who looks after it first, and how fast the city promises to answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_kernel.errors import Invalid, Unauthenticated
from cahier_kernel.ids import derived_uuid
from cahier_reporting.domain import rules


def category_id(code: str) -> UUID:
    """The id that a code has: so two categories never have the same code."""
    return derived_uuid("reporting.category", code)


class Category(Aggregate):
    """Its code never changes; everything else may be defined anew, for reports to come."""

    TOPIC = "reporting.category"

    class Created(Aggregate.Created):
        TOPIC = "reporting.category.defined"
        code: str
        label: str
        department: str
        promise_days: int
        anonymous: bool

    class Redefined(Aggregate.Event):
        TOPIC = "reporting.category.redefined"
        code: str
        label: str
        department: str
        promise_days: int
        anonymous: bool

        def apply(self, aggregate: Category) -> None:
            aggregate.label = self.label
            aggregate.department = self.department
            aggregate.promise_days = self.promise_days
            aggregate.anonymous = self.anonymous

    def __init__(
        self, *, code: str, label: str, department: str, promise_days: int, anonymous: bool
    ) -> None:
        self.code = code
        self.label = label
        self.department = department
        self.promise_days = promise_days
        self.anonymous = anonymous

    @classmethod
    def define(
        cls,
        *,
        code: str,
        label: str,
        department: str,
        promise_days: int,
        anonymous: bool,
        now: datetime,
    ) -> Category:
        """A new category. Raises Invalid: texts that break the rules, `promise_out_of_range`."""
        rules.require_code(code, "category.code", chars_max=rules.CODE_CHARS_MAX)
        _require_values(label, department, promise_days)
        return cls._create(
            cls.Created,
            id=category_id(code),
            timestamp=now,
            code=code,
            label=label,
            department=department,
            promise_days=promise_days,
            anonymous=anonymous,
        )

    def redefine(
        self, *, label: str, department: str, promise_days: int, anonymous: bool, now: datetime
    ) -> None:
        """Gives it new values; the values it has change nothing. Raises as `define`."""
        _require_values(label, department, promise_days)
        values = (label, department, promise_days, anonymous)
        if values == (self.label, self.department, self.promise_days, self.anonymous):
            return
        self.trigger_event(
            self.Redefined,
            timestamp=now,
            code=self.code,
            label=label,
            department=department,
            promise_days=promise_days,
            anonymous=anonymous,
        )

    def require_open_to(self, reporter: str) -> None:
        """Raises Unauthenticated `sign_in_required` when nobody signed in and somebody must."""
        if not reporter and not self.anonymous:
            raise Unauthenticated(
                "sign_in_required", "problems of this category are reported by known residents"
            )

    def answer_by(self, received_at: datetime) -> datetime | None:
        """Until when an answer is promised, in whole milliseconds, or None without a promise."""
        if not self.promise_days:
            return None
        whole = received_at.replace(microsecond=received_at.microsecond // 1000 * 1000)
        return whole + timedelta(days=self.promise_days)


def _require_values(label: str, department: str, promise_days: int) -> None:
    rules.require_line(label, "category.label", chars_max=rules.LABEL_CHARS_MAX, required=True)
    rules.require_code(department, "category.department", chars_max=rules.DEPARTMENT_CHARS_MAX)
    if not 0 <= promise_days <= rules.PROMISE_DAYS_MAX:
        raise Invalid(
            "promise_out_of_range",
            f"0 (no promise) to {rules.PROMISE_DAYS_MAX} days",
            field="category.promise_days",
            limit=rules.PROMISE_DAYS_MAX,
        )
