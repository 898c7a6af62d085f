"""Errors that callers can act on: a stable code, the field, the rule, and its parameters.

A DomainError is an answer, not an accident: entrypoints map its `kind` to a gRPC status and send
`code` as ErrorInfo.reason. Codes are part of the public contract and never change their meaning.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What sort of refusal it is; decides the gRPC status and the HTTP status."""

    INVALID = "invalid"  # the request itself breaks a rule
    UNAUTHENTICATED = "unauthenticated"  # nobody, or nobody we believe
    FORBIDDEN = "forbidden"  # known, but may not
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    FAILED_PRECONDITION = "failed_precondition"  # right request, wrong moment or state
    CONFLICT = "conflict"  # somebody else was faster; load and try again
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"  # try again later
    NOT_SERVED = "not_served"  # this release does not do that yet


class DomainError(Exception):
    """A command or query was refused; nothing was appended.

    code: stable, lower_snake, for example `ballot_too_many_projects`.
    field: the request's field the rule is about, or "".
    rule: the rule in one English sentence, for developers and logs (never personal data).
    params: values a translated message may need, as strings.
    """

    kind = Kind.INVALID

    def __init__(self, code: str, rule: str, *, field: str = "", **params: object) -> None:
        self.code = code
        self.field = field
        self.rule = rule
        self.params = {name: str(value) for name, value in params.items()}
        super().__init__(f"{code}: {field + ': ' if field else ''}{rule}")


class Invalid(DomainError):
    kind = Kind.INVALID


class Unauthenticated(DomainError):
    kind = Kind.UNAUTHENTICATED


class Forbidden(DomainError):
    kind = Kind.FORBIDDEN


class NotFound(DomainError):
    kind = Kind.NOT_FOUND


class AlreadyExists(DomainError):
    kind = Kind.ALREADY_EXISTS


class FailedPrecondition(DomainError):
    kind = Kind.FAILED_PRECONDITION


class Conflict(DomainError):
    kind = Kind.CONFLICT


class TooLarge(DomainError):
    kind = Kind.TOO_LARGE


class Unavailable(DomainError):
    kind = Kind.UNAVAILABLE


class NotServed(DomainError):
    kind = Kind.NOT_SERVED
