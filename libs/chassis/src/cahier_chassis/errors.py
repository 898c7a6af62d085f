"""The one map between domain errors and gRPC: google.rpc.Status with ErrorInfo and BadRequest.

ErrorInfo.reason is the stable code, ErrorInfo.domain is `<service>.cahier`, its metadata are the
error's parameters with `field` and `rule`. See https://google.aip.dev/193.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from cahier_kernel.errors import DomainError, Kind

DETAILS_KEY = "grpc-status-details-bin"
TEXT_CHARS_MAX = 256
PARAMS_MAX = 16

STATUS_OF_KIND = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.CONFLICT: grpc.StatusCode.ABORTED,
    # RESOURCE_EXHAUSTED would invite the caller to try the same body again.
    Kind.TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.NOT_SERVED: grpc.StatusCode.UNIMPLEMENTED,
}
_KIND_OF_STATUS: dict[grpc.StatusCode, Kind] = {
    **{code: kind for kind, code in STATUS_OF_KIND.items() if kind is not Kind.TOO_LARGE},
    grpc.StatusCode.OUT_OF_RANGE: Kind.INVALID,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Kind.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: Kind.UNAVAILABLE,
}
CALL_TOO_LONG = frozenset({"deadline_exceeded", "grpc_deadline_exceeded"})
"""Codes of a call that its server, or its caller, gave up because of a deadline."""


class ServiceError(DomainError):
    """A service's refusal, rebuilt on the caller's side with its code, field, rule and kind.

    status: the gRPC status. domain: `<service>.cahier`, or "" when the transport itself failed;
    then `code` is `grpc_` and the status in lower case, for example `grpc_unavailable`.
    """

    def __init__(
        self, kind: Kind, code: str, rule: str, *, status: grpc.StatusCode, domain: str = ""
    ) -> None:
        super().__init__(code, rule)
        self.kind = kind
        self.status = status
        self.domain = domain


def to_status(error: DomainError, domain: str) -> status_pb2.Status:
    """The google.rpc.Status of a refusal; texts over TEXT_CHARS_MAX are cut."""
    status = status_pb2.Status(code=STATUS_OF_KIND[error.kind].value[0], message=_cut(error.rule))
    params = dict(list(error.params.items())[:PARAMS_MAX])
    texts = {**params, "field": error.field, "rule": error.rule}
    info = error_details_pb2.ErrorInfo(
        reason=error.code,
        domain=domain,
        metadata={name: _cut(text) for name, text in texts.items() if text},
    )
    status.details.add().Pack(info)
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=_cut(error.rule), reason=error.code
        )
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return status


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """The refusal that a failed call carries; a transport's failure gets a `grpc_...` code."""
    status = error.code()
    kind: Kind = _KIND_OF_STATUS.get(status, Kind.UNAVAILABLE)
    info = _error_info(error.trailing_metadata() or ())
    if info is None:
        if "larger than max" in (error.details() or ""):
            kind = Kind.TOO_LARGE
        rule = error.details() or status.name
        return ServiceError(kind, f"grpc_{status.name.lower()}", rule, status=status)
    params = dict(info.metadata)
    rule = params.pop("rule", "")
    rebuilt = ServiceError(kind, info.reason, rule, status=status, domain=info.domain)
    rebuilt.field = params.pop("field", "")
    rebuilt.params = params
    return rebuilt


def _error_info(metadata: Iterable[tuple[str, str | bytes]]) -> error_details_pb2.ErrorInfo | None:
    packed = next((value for key, value in metadata if key == DETAILS_KEY), None)
    if not isinstance(packed, bytes):
        return None
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    try:
        status.ParseFromString(packed)
        found = any(detail.Unpack(info) for detail in status.details)
    except DecodeError:
        return None
    return info if found else None


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else text[: TEXT_CHARS_MAX - 1] + "…"
