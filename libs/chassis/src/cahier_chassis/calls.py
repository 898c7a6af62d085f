"""Who is calling, and with what: the facts of the gRPC call being handled, for any code below it.

The gRPC server sets them once per call; each call runs in a task, hence a context, of its own.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from cahier_chassis.tokens import Claims
from cahier_kernel.errors import Invalid, Unauthenticated

KEY_CHARS_MAX = 200
"""Of an idempotency key."""


@dataclass(slots=True)
class Call:
    """method: the full name, `/cahier.budget.v1.BudgetService/OpenElection`.

    claims: the bearer's, or None for an anonymous call of a method that allows it.
    idempotency_key: as the caller sent it, not yet checked, or "".
    """

    method: str
    claims: Claims | None
    idempotency_key: str


CURRENT_CALL: ContextVar[Call] = ContextVar("cahier_call")


def current_call() -> Call:
    """The call being handled; raises LookupError outside of one."""
    return CURRENT_CALL.get()


def current_claims() -> Claims:
    """The bearer's claims; raises Unauthenticated `token_missing` for an anonymous call."""
    claims = CURRENT_CALL.get().claims
    if claims is None:
        raise Unauthenticated("token_missing", "the call needs an access token")
    return claims


def current_claims_or_none() -> Claims | None:
    """The bearer's claims, or None for an anonymous call."""
    return CURRENT_CALL.get().claims


def require_key(key: str) -> None:
    """Raises Invalid `idempotency_key_malformed` for a key that metadata could not carry."""
    if len(key) > KEY_CHARS_MAX or not (key.isascii() and key.isprintable()):
        raise Invalid(
            "idempotency_key_malformed",
            f"the key is at most {KEY_CHARS_MAX} printable ASCII characters",
            field="idempotency-key",
        )
