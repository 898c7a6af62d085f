"""Residents of a demonstration city who follow proposals, and the mails that reach them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cahier_cli.bundle import read_log
from cahier_cli.city import CityFolder
from cahier_cli.doors import TOKEN_RENEWED_S, Doors, patiently
from cahier_cli.people import SignIn, register
from cahier_cli.storage import open_stores
from cahier_contracts.identity.v1 import identity_service_pb2 as identity_pb
from cahier_contracts.notifications.v1 import notifications_service_pb2 as pb
from cahier_record.budget.events import ResultPublished
from cahier_record.events import decode_leaf
from cahier_record.notifications.views import NotificationsView

NEIGHBOURS = ("Manon Roland", "Etta Palm", "Pauline Léon", "Claire Lacombe")
FOLLOWED_EACH = 8
"""Of so many proposals one is followed."""
LEVELS = (pb.FOLLOW_LEVEL_ESSENTIAL, pb.FOLLOW_LEVEL_MINIMAL, pb.FOLLOW_LEVEL_ALL)
LANGUAGES = ("en", "fr")
SETTLED_S_MAX = 60.0
POLL_S = 0.25


@dataclass(frozen=True)
class Mails:
    """What followers were told. events: how many of them caused mails."""

    followers: int
    mails: int
    events: int


class Followers:
    """A few residents with addresses; the first is the resident whom visitors sign in as."""

    def __init__(self, doors: Doors, people: Sequence[SignIn]) -> None:
        self._doors = doors
        self._people = [_Follower(doors, sign_in) for sign_in in people]
        self._follows = 0

    @classmethod
    async def gather(cls, doors: Doors, resident: SignIn) -> Followers:
        """The resident and some neighbours, who are registered for it."""
        made = [await register(doors, f"neighbour-{n}", name) for n, name in enumerate(NEIGHBOURS)]
        return cls(doors, [resident, *(sign_in for _, sign_in in made)])

    async def submitted(self, place: int, proposal_id: str) -> None:
        """Two of them follow some of the proposals, as soon as those have been submitted."""
        if place % FOLLOWED_EACH:
            return
        turn = place // FOLLOWED_EACH
        for number in (0, 1 + turn % (len(self._people) - 1)):
            request = pb.FollowRequest(
                thing_kind=pb.THING_KIND_PROPOSAL,
                thing_id=proposal_id,
                level=LEVELS[(turn + number) % len(LEVELS)] if number else LEVELS[0],
                language=LANGUAGES[number % len(LANGUAGES)],
            )
            await self._people[number].follow(request)
            self._follows += 1

    async def told(self, folder: CityFolder) -> Mails:
        """Waits until mails about the result are settled, at most SETTLED_S_MAX; then counts."""
        deadline_s = time.monotonic() + SETTLED_S_MAX
        last = await asyncio.to_thread(_result_event, folder)
        view = await asyncio.to_thread(_mailings, folder)
        while self._follows and last not in view.mails and time.monotonic() < deadline_s:
            await asyncio.sleep(POLL_S)
            view = await asyncio.to_thread(_mailings, folder)
        return Mails(len(self._people), sum(view.mails.values()), len(view.mails))


class _Follower:
    """One resident, and an access token that is renewed before it ends."""

    def __init__(self, doors: Doors, sign_in: SignIn) -> None:
        self._doors, self._sign_in = doors, sign_in
        self._signing_in = asyncio.Lock()
        self._token, self._made_s = "", float("-inf")

    async def follow(self, request: pb.FollowRequest) -> None:
        token = await self._access()
        # Notifications hears of a new proposal a moment later.
        await patiently(
            lambda: self._doors.notifications.Follow(request, token=token), "thing_not_found"
        )

    async def _access(self) -> str:
        async with self._signing_in:
            if time.monotonic() - self._made_s > TOKEN_RENEWED_S:
                self._token, self._made_s = await self._issue(), time.monotonic()
        return self._token

    async def _issue(self) -> str:
        identity, who = self._doors.identity, self._sign_in
        session = await identity.SignIn(
            identity_pb.SignInRequest(email=who.email, password=who.password)
        )
        access = await identity.IssueAccessToken(
            identity_pb.IssueAccessTokenRequest(
                session_token=session.session_token, audience="notifications"
            )
        )
        return str(access.access_token)


def _result_event(folder: CityFolder) -> str:
    """The last announcement of a result, or "" when there is none."""
    needle = f'"{ResultPublished.TYPE}"'.encode()
    found = ""
    with open_stores(folder) as stores_of:
        for row in read_log(stores_of("budget")):
            if needle in row.leaf:
                found = row.id
    return found


def _mailings(folder: CityFolder) -> NotificationsView:
    view = NotificationsView()
    with open_stores(folder) as stores_of:
        for row in read_log(stores_of("notifications")):
            view.apply(decode_leaf(row.leaf))
    return view
