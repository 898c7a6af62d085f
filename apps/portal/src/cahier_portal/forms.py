"""Forms: what was typed, what was wrong with it, and the same form again with both in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from litestar import Request
from litestar.datastructures import FormMultiDict

from cahier_kernel.errors import DomainError, Kind
from cahier_kernel.money import CENTS_MAX, parse_cents
from cahier_portal.catalogue import error_sentence, language, t
from cahier_portal.formats import from_local_input, number

KEY_CHARS_MAX = 100
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")

STATUS_OF_KIND = {
    Kind.INVALID: 422,
    Kind.TOO_LARGE: 413,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.ALREADY_EXISTS: 409,
    Kind.FAILED_PRECONDITION: 409,
    Kind.CONFLICT: 409,
    Kind.UNAVAILABLE: 503,
    Kind.NOT_SERVED: 501,
}
# What a person can mend on the form itself; the rest has pages of its own.
_MENDABLE = frozenset(
    {
        Kind.INVALID,
        Kind.TOO_LARGE,
        Kind.ALREADY_EXISTS,
        Kind.FAILED_PRECONDITION,
        Kind.CONFLICT,
        Kind.UNAVAILABLE,
    }
)
# What was looked for in vain stands in a field, though its refusal names none.
_FIELDS = {"category_not_found": "category", "duplicate_of_not_found": "duplicate_of"}


@dataclass(frozen=True)
class FormError:
    """One thing to mend: a sentence, and the field it is about, or "" for the whole form."""

    field: str
    text: str


class FieldErrors(Exception):
    """What the portal itself found wrong with a form, before asking any service."""

    def __init__(self, *errors: FormError) -> None:
        super().__init__(", ".join(error.field for error in errors))
        self.errors = list(errors)


def together(*reads: Callable[[], Any]) -> list[Any]:
    """What each of them reads, in their order; raises FieldErrors with what all found wrong.

    Whoever mistyped three fields hears of three, not of one at each try.
    """
    values: list[Any] = []
    errors: list[FormError] = []
    for read in reads:
        try:
            values.append(read())
        except FieldErrors as found:
            errors += found.errors
    if errors:
        raise FieldErrors(*errors)
    return values


class Form:
    """The fields of a posted form, as text."""

    def __init__(self, fields: FormMultiDict) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """A field with outer blanks cut off and lines ended by \\n; "" when it is missing."""
        return self.raw(name).replace("\r\n", "\n").strip()

    def raw(self, name: str) -> str:
        """A field exactly as typed, for passwords."""
        value = self._fields.get(name, "")
        return value if isinstance(value, str) else ""

    def all(self, name: str) -> list[str]:
        """All values of a field, such as ticked boxes."""
        return [value for value in self._fields.getall(name, []) if isinstance(value, str)]

    def values(self) -> dict[str, str]:
        """What to show again when the form comes back; never a password."""
        return {
            name: value
            for name, value in self._fields.items()
            if isinstance(value, str) and name not in ("password", "_csrf_token")
        }

    @property
    def key(self) -> str:
        """The idempotency key that the form was made with."""
        return self.text("form_key")[:KEY_CHARS_MAX]

    def needed(self, *names: str) -> None:
        """Raises FieldErrors for those of the fields that are empty."""
        empty = [FormError(name, t("error.text_required")) for name in names if not self.text(name)]
        if empty:
            raise FieldErrors(*empty)

    def money(self, name: str) -> int:
        """Cents of an amount, written as the reader's language does; raises FieldErrors.

        English groups by commas; French has a decimal comma and groups by spaces. What another
        language would read as another amount is refused, never guessed.
        """
        return self.amount(name, self.text(name))

    def amount(self, name: str, text: str) -> int:
        """As `money`, of a part of a field."""
        cleaned = "".join(text.split())
        if language() == "fr":
            cleaned = cleaned.replace(",", ".")
        elif _GROUPED.fullmatch(cleaned):
            cleaned = cleaned.replace(",", "")
        try:
            cents = parse_cents(cleaned)
        except ValueError:
            raise FieldErrors(FormError(name, t("error.not_an_amount"))) from None
        if not 0 <= cents <= CENTS_MAX:
            raise FieldErrors(FormError(name, t("error.not_an_amount")))
        return cents

    def count(self, name: str, most: int = 1_000_000) -> int:
        """A whole number from 0, where empty is 0; raises FieldErrors."""
        text = self.text(name) or "0"
        if not (text.isascii() and text.isdigit() and int(text) <= most):
            raise FieldErrors(FormError(name, t("error.not_a_count", most=number(most))))
        return int(text)

    def moment(self, name: str, zone: ZoneInfo) -> Timestamp:
        """A local date and time; raises FieldErrors."""
        try:
            moment: datetime = from_local_input(self.text(name), zone)
        except ValueError:
            raise FieldErrors(FormError(name, t("error.not_a_moment"))) from None
        stamp = Timestamp()
        stamp.FromDatetime(moment)
        return stamp


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """The posted form."""
    return Form(await request.form())


def what_to_mend(error: DomainError | FieldErrors, *also: str) -> list[FormError]:
    """The errors for the form's summary; raises DomainErrors that the form cannot mend.

    also: codes that this form can mend though their kind has a page of its own.
    """
    if isinstance(error, FieldErrors):
        return error.errors
    if error.kind not in _MENDABLE and error.code not in also:
        raise error
    field = error.field or _FIELDS.get(error.code, "")
    return [FormError(_form_field(field), error_sentence(error))]


def _form_field(field: str) -> str:
    # `rules.max_sum_cost_cents` of a request is `max_sum_cost` on the form.
    return field.rpartition(".")[2].removesuffix("_cents")


def status_of(error: DomainError | FieldErrors) -> int:
    """The HTTP status that goes with a refusal."""
    return 422 if isinstance(error, FieldErrors) else STATUS_OF_KIND[error.kind]
