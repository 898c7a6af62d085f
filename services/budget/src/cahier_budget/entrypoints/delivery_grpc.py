"""gRPC of what comes after the vote: books, deliveries, corrections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from cahier_budget.application.book_queries import BookQueries
from cahier_budget.application.commands import Done, Keep
from cahier_budget.application.delivering import Decide, Delivering, Project
from cahier_budget.domain import progress
from cahier_budget.entrypoints import delivery_messages as messages
from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_contracts.budget.v1 import delivery_pb2 as pb

BOOKS_ANONYMOUS = frozenset(
    {
        "GetBooks",
        "ListBookEntries",
        "GetDelivery",
        "GetPhoto",
        "ListResultVersions",
    }
)

Answer = TypeVar("Answer", bound=Message)


class DeliveryGrpc:
    """The part of BudgetService that proto/cahier/budget/v1/delivery.proto describes."""

    _delivering: Delivering
    _books: BookQueries
    _once: Callable[..., Awaitable[Any]]

    async def AwardTender(
        self, request: pb.AwardTenderRequest, context: Any
    ) -> pb.AwardTenderResponse:
        def decide(books: Any, winner: Any, now: Any, id: Any) -> None:
            books.award_tender(
                winner,
                request.cents,
                tender_id=id,
                title=request.title,
                contractor=request.contractor,
                top_up=request.top_up,
                reason=request.reason,
                now=now,
            )

        return await self._deliver(request, pb.AwardTenderResponse, decide, "tender_id")

    async def CloseTender(
        self, request: pb.CloseTenderRequest, context: Any
    ) -> pb.CloseTenderResponse:
        return await self._deliver(
            request,
            pb.CloseTenderResponse,
            lambda books, winner, now, _: books.close_tender(
                winner, request.tender_id, request.reason, now=now
            ),
        )

    async def RecordExpenditure(
        self, request: pb.RecordExpenditureRequest, context: Any
    ) -> pb.RecordExpenditureResponse:
        def decide(books: Any, winner: Any, now: Any, id: Any) -> None:
            books.record_expenditure(
                winner,
                request.cents,
                invoice_id=id,
                tender_id=request.tender_id,
                payee=request.payee,
                reference=request.reference,
                subject=request.subject,
                now=now,
            )

        return await self._deliver(request, pb.RecordExpenditureResponse, decide, "invoice_id")

    async def ReverseExpenditure(
        self, request: pb.ReverseExpenditureRequest, context: Any
    ) -> pb.ReverseExpenditureResponse:
        return await self._deliver(
            request,
            pb.ReverseExpenditureResponse,
            lambda books, winner, now, _: books.reverse_expenditure(
                winner, request.invoice_id, request.reason, now=now
            ),
        )

    async def RaiseReservation(
        self, request: pb.RaiseReservationRequest, context: Any
    ) -> pb.RaiseReservationResponse:
        return await self._deliver(
            request,
            pb.RaiseReservationResponse,
            lambda books, winner, now, _: books.raise_reservation(
                winner, request.cents, request.reason, now=now
            ),
        )

    async def PlanMilestone(
        self, request: pb.PlanMilestoneRequest, context: Any
    ) -> pb.PlanMilestoneResponse:
        return await self._deliver(
            request,
            pb.PlanMilestoneResponse,
            lambda books, winner, now, id: progress.plan_milestone(
                books, winner, milestone_id=id, title=request.title, due=request.due, now=now
            ),
            "milestone_id",
        )

    async def DelayMilestone(
        self, request: pb.DelayMilestoneRequest, context: Any
    ) -> pb.DelayMilestoneResponse:
        return await self._deliver(
            request,
            pb.DelayMilestoneResponse,
            lambda books, winner, now, _: progress.delay_milestone(
                books,
                winner,
                request.milestone_id,
                due=request.due,
                reason=request.reason,
                now=now,
            ),
        )

    async def ReachMilestone(
        self, request: pb.ReachMilestoneRequest, context: Any
    ) -> pb.ReachMilestoneResponse:
        return await self._deliver(
            request,
            pb.ReachMilestoneResponse,
            lambda books, winner, now, _: progress.reach_milestone(
                books, winner, request.milestone_id, note=request.note, now=now
            ),
        )

    async def AddPhoto(self, request: pb.AddPhotoRequest, context: Any) -> pb.AddPhotoResponse:
        return await self._answered(
            request,
            pb.AddPhotoResponse,
            lambda keep: self._delivering.add_photo(
                current_claims(),
                _project(request),
                request.data,
                milestone_id=request.milestone_id,
                alt=request.alt,
                keep=keep,
            ),
            "photo_id",
        )

    async def ErasePhoto(
        self, request: pb.ErasePhotoRequest, context: Any
    ) -> pb.ErasePhotoResponse:
        return await self._answered(
            request,
            pb.ErasePhotoResponse,
            lambda keep: self._delivering.erase_photo(
                current_claims(), _project(request), request.photo_id, request.basis, keep
            ),
        )

    async def EraseTexts(
        self, request: pb.EraseTextsRequest, context: Any
    ) -> pb.EraseTextsResponse:
        return await self._answered(
            request,
            pb.EraseTextsResponse,
            lambda keep: self._delivering.erase_texts(
                current_claims(), _project(request), request.event_id, request.basis, keep
            ),
        )

    async def FinishProject(
        self, request: pb.FinishProjectRequest, context: Any
    ) -> pb.FinishProjectResponse:
        return await self._deliver(
            request,
            pb.FinishProjectResponse,
            lambda books, winner, now, _: books.finish(winner, request.report, now=now),
        )

    async def AbandonProject(
        self, request: pb.AbandonProjectRequest, context: Any
    ) -> pb.AbandonProjectResponse:
        return await self._deliver(
            request,
            pb.AbandonProjectResponse,
            lambda books, winner, now, _: books.abandon(winner, request.reason, now=now),
        )

    async def CloseBooks(
        self, request: pb.CloseBooksRequest, context: Any
    ) -> pb.CloseBooksResponse:
        return await self._answered(
            request,
            pb.CloseBooksResponse,
            lambda keep: self._delivering.close_books(current_claims(), request.election_id, keep),
        )

    async def AnnulBallots(
        self, request: pb.AnnulBallotsRequest, context: Any
    ) -> pb.AnnulBallotsResponse:
        found: pb.AnnulBallotsResponse = await self._once(
            request,
            pb.AnnulBallotsResponse,
            lambda done: pb.AnnulBallotsResponse(event_id=done.event_id, annulled=done.number),
            lambda keep: self._delivering.annul_ballots(
                current_claims(),
                request.election_id,
                list(request.credentials),
                request.reason,
                keep,
            ),
        )
        return found

    async def GetBooks(self, request: pb.GetBooksRequest, context: Any) -> pb.GetBooksResponse:
        return messages.write_books(await self._books.books(request.election_id))

    async def ListBookEntries(
        self, request: pb.ListBookEntriesRequest, context: Any
    ) -> pb.ListBookEntriesResponse:
        entries, more = await self._books.entries(
            request.election_id,
            request.after,
            request.limit,
            request.project_id,
            money_only=request.money_only,
        )
        return pb.ListBookEntriesResponse(entries=map(messages.write_entry, entries), more=more)

    async def GetDelivery(
        self, request: pb.GetDeliveryRequest, context: Any
    ) -> pb.GetDeliveryResponse:
        return messages.write_delivery(
            await self._books.delivery(request.election_id, request.project_id)
        )

    async def GetPhoto(self, request: pb.GetPhotoRequest, context: Any) -> pb.GetPhotoResponse:
        media_type, data = await self._books.photo(request.election_id, request.photo_id)
        return pb.GetPhotoResponse(media_type=media_type, data=data)

    async def ListResultVersions(
        self, request: pb.ListResultVersionsRequest, context: Any
    ) -> pb.ListResultVersionsResponse:
        found = await self._books.versions(current_claims_or_none(), request.election_id)
        return pb.ListResultVersionsResponse(versions=map(messages.write_version, found))

    async def _deliver(
        self, request: Any, answer_type: type[Answer], decide: Decide, new: str = ""
    ) -> Answer:
        return await self._answered(
            request,
            answer_type,
            lambda keep: self._delivering.change(current_claims(), _project(request), decide, keep),
            new,
        )

    async def _answered(
        self,
        request: Any,
        answer_type: type[Answer],
        command: Callable[[Keep], Awaitable[Done]],
        new: str = "",
    ) -> Answer:
        """new: the answer's field for the id of what is new; "" for none."""

        def answer(done: Done) -> Answer:
            more = {new: done.project_id} if new else {}
            return answer_type(event_id=done.event_id, **more)

        found: Answer = await self._once(request, answer_type, answer, command)
        return found


def _project(request: Any) -> Project:
    return Project(request.election_id, request.project_id)
