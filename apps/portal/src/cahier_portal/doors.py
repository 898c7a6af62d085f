"""The public logs and receipts as the services hand them out, carried on under the city's name.

Bytes pass as they are: whoever checks them trusts signatures, not this site. Only what says how
they may be kept, and what they are, comes along.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import httpx

from cahier_kernel.errors import NotFound, Unavailable

TIMEOUT_S = 5.0
CONNECTIONS_MAX = 32
BYTES_MAX = 17 * 1024 * 1024
"""A full bundle of the largest leaves, and some."""
_PATH = re.compile(r"[a-z0-9./]{1,200}", re.ASCII)
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PASSED_ON = (
    "content-type",
    "cache-control",
    "content-disposition",
    "retry-after",
    "access-control-allow-origin",
)


class Carried:
    """An answer of a service, as it is passed on."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.body = answer.content
        self.headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}


class LogDoors:
    """Asks the services' HTTP doors. doors: base URL of each service that keeps a log."""

    def __init__(self, doors: Mapping[str, str]) -> None:
        self._doors = dict(doors)
        # No proxy stands between units of one city.
        self._http = httpx.AsyncClient(
            trust_env=False,
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        )

    @property
    def services(self) -> tuple[str, ...]:
        """The services that keep a log, by name."""
        return tuple(sorted(self._doors))

    async def file(self, service: str, path: str) -> Carried:
        """A file of a service's log; raises NotFound, Unavailable while the service is away."""
        if service not in self._doors or _PATH.fullmatch(path) is None or ".." in path:
            raise NotFound("log_file_not_found", "no log has such a file")
        carried = await self.ask(service, f"/tlog/{path}")
        if carried.status == httpx.codes.NOT_FOUND:
            raise NotFound("log_file_not_found", "the log has no such file")
        return carried

    async def receipt(self, event_id: str) -> Carried:
        """The receipt of a public event, in whichever log it stands.

        Raises NotFound; Unavailable when it was not found and a service was away.
        """
        if _EVENT_ID.fullmatch(event_id) is None:
            raise NotFound("event_not_found", "no service has such a public event")
        asked = [self.ask(service, f"/receipts/{event_id}") for service in self._doors]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Carried) and answer.status != httpx.codes.NOT_FOUND:
                return answer
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        raise NotFound("event_not_found", "no service has such a public event")

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.aclose()

    async def ask(self, service: str, path: str) -> Carried:
        """Any answer of a service's doors but a server's error; raises Unavailable for that."""
        url = self._doors[service].rstrip("/") + path
        try:
            answer = await self._http.get(url)
        except httpx.HTTPError as error:
            raise Unavailable("log_away", f"{service} does not answer") from error
        if answer.is_server_error or len(answer.content) > BYTES_MAX:
            raise Unavailable("log_away", f"the log of {service} cannot be read now")
        return Carried(answer)
