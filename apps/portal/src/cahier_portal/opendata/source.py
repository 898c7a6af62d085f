"""The city's services as the open data reads them: as anybody may, without a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.clients import Service, Services
from cahier_portal.costs import StagedCosts
from cahier_portal.formats import instant
from cahier_portal.opendata.tables import Row
from cahier_portal.texts import ProposalTexts

PAGES_MAX = 5_000
AT_ONCE = 8
A = TypeVar("A")
T = TypeVar("T")
Rows = Callable[["Source"], AsyncIterator[Row]]


class Source:
    """The city's services, asked as anybody may ask them."""

    def __init__(self, services: Services, texts: ProposalTexts, costs: StagedCosts) -> None:
        self._services = services
        self.texts = texts
        self.costs = costs

    async def ask(self, service: str, request: Any) -> Any:
        """An answer; raises DomainError, NotServed for a service that the city does not run."""
        return await self._services.required(service).ask(request)

    async def pages(self, service: str, request: Any) -> AsyncIterator[Any]:
        """The answers of all pages, from the first."""
        for _ in range(PAGES_MAX):
            answer = await self.ask(service, request)
            yield answer
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    @property
    def has_reporting(self) -> bool:
        """Whether the city takes street reports."""
        found: Service | None = self._services.by_name("reporting")
        return found is not None


async def all_found(items: Sequence[A], whole: Callable[[A], Awaitable[T]]) -> list[T]:
    """What is to be known of all of them, a few at a time; what was gone meanwhile is left out."""
    found: list[T] = []

    async def one(item: A) -> T | None:
        try:
            return await whole(item)
        except DomainError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None

    for start in range(0, len(items), AT_ONCE):
        answers = await asyncio.gather(*(one(item) for item in items[start : start + AT_ONCE]))
        found += [answer for answer in answers if answer is not None]
    return found


async def listed_elections(source: Source) -> Sequence[budget.Election]:
    """All elections, newest first."""
    answer = await source.ask("budget", budget.ListElectionsRequest())
    found: Sequence[budget.Election] = answer.elections
    return found


def name_of(enum: Any, value: int, prefix: str) -> str:
    """An enum's value as a word."""
    return str(enum.Name(value)).removeprefix(prefix).lower()


def when(message: Any, field: str) -> str:
    """A moment of the contract as the files write it; "" where it is not set."""
    stamp: Timestamp = getattr(message, field)
    return to_rfc3339(instant(stamp)) if message.HasField(field) else ""
