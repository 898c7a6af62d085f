"""Identity's gRPC: who may call, which field is which, and one answer for a repeated command.

Requests that hold secrets (passwords, documents) are compared with repeats by a keyed
fingerprint: a plain digest of them would be kept with the answer and could be guessed from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_chassis.calls import current_claims
from cahier_chassis.holdings import HeldItem
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_role, require_self_or_admin
from cahier_contracts.identity.v1 import identity_service_pb2 as pb
from cahier_contracts.identity.v1.identity_service_pb2_grpc import IdentityServiceServicer
from cahier_identity.application.commands import Commands, Proved, Registered
from cahier_identity.application.erasing import Erasing
from cahier_identity.application.erasures import Confirmation, Erasures
from cahier_identity.application.exporting import Exporting
from cahier_identity.application.queries import Queries
from cahier_identity.application.sessions import ROLE_OF_ALL, Sessions
from cahier_kernel.clock import from_rfc3339
from cahier_ledger.store import LedgerReader

ANONYMOUS = ("RegisterResident", "SignIn", "IssueAccessToken", "GetDisclosures", "GetErasure")
"""Open to everybody; IssueAccessToken checks the session it is given."""

Q = TypeVar("Q", bound=Message)
Fingerprint = Callable[[bytes], str]


class IdentityGrpc(IdentityServiceServicer):
    """One method an RPC; DomainErrors become statuses in the chassis."""

    def __init__(
        self,
        ledger: LedgerReader,
        commands: Commands,
        queries: Queries,
        sessions: Sessions,
        erasing: Erasing,
        erasures: Erasures,
        exporting: Exporting,
        fingerprint: Fingerprint,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._queries = queries
        self._sessions = sessions
        self._erasing = erasing
        self._erasures = erasures
        self._exporting = exporting
        self._fingerprint = fingerprint

    async def RegisterResident(
        self, request: pb.RegisterResidentRequest, context: Any
    ) -> pb.RegisterResidentResponse:
        def answer(done: Registered) -> pb.RegisterResidentResponse:
            return pb.RegisterResidentResponse(resident_id=done.resident_id, event_id=done.event_id)

        async def handle(record: Record) -> pb.RegisterResidentResponse:
            return answer(
                await self._commands.register(
                    request.email,
                    request.display_name,
                    request.password,
                    lambda done: record(answer(done)),
                )
            )

        comparable = self._without_secrets(request, "password")
        return await once(self._ledger, comparable, pb.RegisterResidentResponse, handle)

    async def SignIn(self, request: pb.SignInRequest, context: Any) -> pb.SignInResponse:
        session = await self._sessions.sign_in(request.email, request.password)
        return pb.SignInResponse(
            session_token=session.token,
            resident_id=session.resident_id,
            display_name=session.display_name,
            roles=session.roles,
        )

    async def IssueAccessToken(
        self, request: pb.IssueAccessTokenRequest, context: Any
    ) -> pb.IssueAccessTokenResponse:
        issued = await self._sessions.access_token(
            request.session_token, request.audience, request.election_id
        )
        answer = pb.IssueAccessTokenResponse(access_token=issued.token)
        answer.expires_at.FromDatetime(issued.expires_at)
        return answer

    async def LoadCensusRoll(
        self, request: pb.LoadCensusRollRequest, context: Any
    ) -> pb.LoadCensusRollResponse:
        claims = current_claims()
        require_role(claims, "admin")

        async def handle(record: Record) -> pb.LoadCensusRollResponse:
            rows = await self._commands.load_census_roll(
                request.csv,
                claims.subject,
                lambda rows: record(pb.LoadCensusRollResponse(rows=rows)),
            )
            return pb.LoadCensusRollResponse(rows=rows)

        comparable = self._without_secrets(request, "csv")
        return await once(self._ledger, comparable, pb.LoadCensusRollResponse, handle)

    async def ProveResidence(
        self, request: pb.ProveResidenceRequest, context: Any
    ) -> pb.ProveResidenceResponse:
        claims = current_claims()
        require_role(claims, ROLE_OF_ALL)

        def answer(done: Proved) -> pb.ProveResidenceResponse:
            return pb.ProveResidenceResponse(district=done.district, event_id=done.event_id)

        async def handle(record: Record) -> pb.ProveResidenceResponse:
            return answer(
                await self._commands.prove_residence(
                    claims.subject,
                    request.document_number,
                    request.birth_date,
                    request.postcode,
                    lambda done: record(answer(done)),
                )
            )

        secrets = ("document_number", "birth_date", "postcode")
        comparable = self._without_secrets(request, *secrets)
        return await once(self._ledger, comparable, pb.ProveResidenceResponse, handle)

    async def GrantRole(self, request: pb.GrantRoleRequest, context: Any) -> pb.GrantRoleResponse:
        claims = current_claims()
        require_role(claims, "admin")

        async def handle(record: Record) -> pb.GrantRoleResponse:
            event_id = await self._commands.grant_role(
                request.resident_id,
                request.role,
                claims.subject,
                lambda event_id: record(pb.GrantRoleResponse(event_id=event_id)),
            )
            return pb.GrantRoleResponse(event_id=event_id)

        return await once(self._ledger, request, pb.GrantRoleResponse, handle)

    async def RevokeRole(
        self, request: pb.RevokeRoleRequest, context: Any
    ) -> pb.RevokeRoleResponse:
        claims = current_claims()
        require_role(claims, "admin")

        async def handle(record: Record) -> pb.RevokeRoleResponse:
            event_id = await self._commands.revoke_role(
                request.resident_id,
                request.role,
                claims.subject,
                lambda event_id: record(pb.RevokeRoleResponse(event_id=event_id)),
            )
            return pb.RevokeRoleResponse(event_id=event_id)

        return await once(self._ledger, request, pb.RevokeRoleResponse, handle)

    async def ImportResidents(
        self, request: pb.ImportResidentsRequest, context: Any
    ) -> pb.ImportResidentsResponse:
        require_role(current_claims(), "importer")

        async def handle(record: Record) -> pb.ImportResidentsResponse:
            ids = await self._commands.import_residents(
                request.source,
                request.references,
                lambda ids: record(pb.ImportResidentsResponse(resident_ids=ids)),
            )
            return pb.ImportResidentsResponse(resident_ids=ids)

        return await once(self._ledger, request, pb.ImportResidentsResponse, handle)

    async def IssueCredentials(
        self, request: pb.IssueCredentialsRequest, context: Any
    ) -> pb.IssueCredentialsResponse:
        require_role(current_claims(), "importer")
        credentials = await self._queries.credentials(request.election_id, request.resident_ids)
        return pb.IssueCredentialsResponse(credentials=credentials)

    async def GetResident(
        self, request: pb.GetResidentRequest, context: Any
    ) -> pb.GetResidentResponse:
        claims = current_claims()
        if claims.subject != request.resident_id or claims.thing:
            require_role(claims, "staff")
        held = await self._queries.resident(request.resident_id)
        return pb.GetResidentResponse(
            resident_id=held.resident_id,
            display_name=held.display_name,
            roles=held.roles,
            verified=held.verified,
            district=held.district,
        )

    async def GetDisclosures(
        self, request: pb.GetDisclosuresRequest, context: Any
    ) -> pb.GetDisclosuresResponse:
        found = await self._queries.disclosures(request.event_id)
        return pb.GetDisclosuresResponse(
            disclosures=[
                pb.Disclosure(salt=each.salt, name=each.name, value=each.value) for each in found
            ]
        )

    async def ExportSubject(
        self, request: pb.ExportSubjectRequest, context: Any
    ) -> pb.ExportSubjectResponse:
        require_self_or_admin(current_claims(), request.subject_id)
        items = await self._exporting.held(request.subject_id)
        return pb.ExportSubjectResponse(items=map(_held_item, items))

    async def EraseSubject(
        self, request: pb.EraseSubjectRequest, context: Any
    ) -> pb.EraseSubjectResponse:
        claims = current_claims()
        require_self_or_admin(claims, request.subject_id)
        basis = request.basis or "request"
        if basis != "request":
            require_role(claims, "admin")
        done = await self._erasing.order(request.subject_id, basis, claims.subject)
        return pb.EraseSubjectResponse(erasure_id=done.erasure, event_id=done.event_id)

    async def GetErasure(
        self, request: pb.GetErasureRequest, context: Any
    ) -> pb.GetErasureResponse:
        report = await self._erasures.report(request.erasure_id)
        return pb.GetErasureResponse(
            erasure_id=report.erasure,
            basis=report.basis,
            ordered_at=_stamp(report.at),
            complete=report.complete,
            services=map(_service_erasure, report.services),
        )

    def _without_secrets(self, request: Q, *fields: str) -> Q:
        """A copy whose secret fields hold fingerprints instead."""
        comparable = type(request)()
        comparable.CopyFrom(request)
        for field in fields:
            value = getattr(request, field)
            raw = value if isinstance(value, bytes) else value.encode()
            mark = self._fingerprint(raw)
            setattr(comparable, field, mark.encode() if isinstance(value, bytes) else mark)
        return comparable


def _held_item(item: HeldItem) -> pb.HeldItem:
    return pb.HeldItem(
        kind=item.kind, id=item.id, event_id=item.event_id, at=_stamp(item.at), values=item.values
    )


def _service_erasure(said: Confirmation) -> pb.ServiceErasure:
    return pb.ServiceErasure(
        service=said.service,
        confirmed=bool(said.event_id),
        confirmed_at=_stamp(said.at) if said.at else None,
        erased=said.erased,
        kept=[pb.KeptItem(what=k.what, until=k.until, basis=k.basis) for k in said.kept],
        event_id=said.event_id,
    )


def _stamp(rfc3339: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(from_rfc3339(rfc3339))
    return stamp
