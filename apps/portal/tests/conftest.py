"""A real town behind a real portal: `cahier up` as a child process, stopped by its pid."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from cahier_chassis.tokens import TokenIssuer
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel.ports import free_port
from cahier_portal.clients import Services
from cahier_portal.costs import StagedCosts
from cahier_portal.doors import LogDoors
from cahier_portal.opendata.reading import READERS
from cahier_portal.opendata.sets import SETS
from cahier_portal.opendata.source import Source
from cahier_portal.publiclog import PublicLogs
from cahier_portal.texts import ProposalTexts

CAHIER = Path(sys.executable).parent / "cahier"
START_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 30.0
PASSWORD = "a long enough sentence"
FIRST_RESIDENT = "resident1@example.org"
CENSUS_ROWS = 200
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class PageForm:
    """A form as a browser without JavaScript would send it."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._area: str | None = None
        self._text = ""
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        if tag == "form":
            self.forms.append(PageForm(at.get("action") or ""))
        name = at.get("name") or ""
        if not self.forms or (tag in ("input", "textarea", "select", "button") and not name):
            return
        if tag == "input":
            ticked = at.get("type") not in ("checkbox", "radio") or "checked" in at
            if ticked:
                self.forms[-1].fields.append((name, at.get("value") or ""))
        elif tag == "button":
            self.forms[-1].buttons.append((name, at.get("value") or ""))
        elif tag == "textarea":
            self._area, self._text = name, ""
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option":
            self._options.append((at.get("value") or "", "selected" in at))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self.forms[-1].fields.append((self._area, self._text.removeprefix("\n")))
            self._area = None
        if tag == "select" and self._select and self._options:
            chosen = next((v for v, on in self._options if on), self._options[0][0])
            self.forms[-1].fields.append((self._select, chosen))
            self._select = None


@pytest.fixture(scope="module")
def chromium(town: Town) -> Iterator[Browser]:
    """A browser, without a window; after the town, since it brings a running event loop along."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: scripts/system_packages.sh brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Person:
    """Somebody with a browser that knows no JavaScript."""

    def __init__(self, base_url: str, address: str = "127.0.0.1") -> None:
        self.http = httpx.Client(
            base_url=base_url,
            follow_redirects=True,
            timeout=30.0,
            transport=httpx.HTTPTransport(local_address=address),
        )
        self.page: httpx.Response = self.http.get("/")
        self.email = ""
        self.document = ""

    def go(self, path: str) -> httpx.Response:
        self.page = self.http.get(path)
        return self.page

    def form(self, action: str) -> PageForm:
        """The form on the page whose action ends so."""
        parser = _Forms()
        parser.feed(self.page.text)
        found = [form for form in parser.forms if form.action.endswith(action)]
        assert found, f"no form {action!r} on {self.page.url}:\n{self.page.text}"
        return found[0]

    def send(
        self, action: str, button: tuple[str, str] | None = None, **fields: str | list[str]
    ) -> httpx.Response:
        """Fills the form on the page and sends it; fields replace what stood there."""
        form = self.form(action)
        replaced = {name.rstrip("_"): value for name, value in fields.items()}
        body = [(name, value) for name, value in form.fields if name not in replaced]
        for name, value in replaced.items():
            body += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        if button is not None:
            assert button in form.buttons, f"no button {button} in {form.buttons}"
            body.append(button)
        self.page = self.http.post(
            form.action,
            content=httpx.QueryParams(body).__str__().encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        return self.page

    def ok(self) -> None:
        """Asserts that the last page is no error."""
        assert self.page.status_code == 200, self.page.text

    def register(self, name: str, email: str) -> None:
        self.email = email
        self.go("/register")
        self.send("/register", display_name=name, email=email, password=PASSWORD)
        self.ok()

    def prove(self) -> None:
        """Proves residence by the person's own line of the census."""
        self.go("/me")
        self.send(
            "/me/residence",
            document_number=self.document,
            birth_date="1980-01-31",
            postcode="31000",
        )
        self.ok()

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.go("/sign-in")
        self.send("/sign-in", email=email, password=password)

    def sign_out(self) -> None:
        self.send("/sign-out")
        self.ok()


class Town:
    """A running city, and what was prepared in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [CAHIER, "up", "--data", root, "--port", self.port, "--dev-clock"]
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), f"{line!r}\n{self.log('portal')}"
        self.numbers = itertools.count(1)
        self.addresses = itertools.count()
        self.process_id = ""
        self.proposals: list[str] = []
        self.election_id = ""

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=40)

    def log(self, unit: str) -> str:
        file = self.root / "logs" / f"{unit}.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def person(self) -> Person:
        """Somebody at an address of their own: tries are counted by address."""
        high, low = divmod(next(self.addresses), 250)
        return Person(self.url, f"127.0.{high}.{low + 2}")

    def resident(self, *, proved: bool = True) -> Person:
        """A newly registered resident; the first one is `FIRST_RESIDENT`."""
        number = next(self.numbers)
        person = self.person()
        person.register(f"Resident {number}", f"resident{number}@example.org")
        person.document = f"doc {number:06d}"
        if proved:
            person.prove()
        return person

    def as_admin(self, request: Any) -> Any:
        """Asks identity with an operator's token, made with the city's own key."""
        key = self.root / "keys" / "token.pem"
        issuer = TokenIssuer(key.read_bytes(), "demo")
        token = issuer.issue("operator", roles=["admin"], audience=["identity"], session=True)

        async def ask() -> Any:
            services = Services(self.grpc("identity"), "127.0.0.1:1", "127.0.0.1:1")
            try:
                return await services.identity.ask(request, token=token)
            finally:
                await services.close()

        return ran(ask())

    def as_resident(self, email: str, service: str, request: Any) -> Any:
        """Asks a service in a resident's name, past the portal."""

        async def ask() -> Any:
            services = Services(*map(self.grpc, ("identity", "consultation", "budget")))
            signing_in = identity.SignInRequest(email=email, password=PASSWORD)
            try:
                signed_in = await services.identity.ask(signing_in)
                issue = identity.IssueAccessTokenRequest(
                    session_token=signed_in.session_token, audience=service
                )
                token = (await services.identity.ask(issue)).access_token
                return await services.required(service).ask(request, token=token)
            finally:
                await services.close()

        return ran(ask())

    def way_out(self, recipient: str, words: str) -> str:
        """The unsubscribe address of the newest captured mail to somebody that holds the words."""

        def found() -> str:
            page = httpx.get(f"{self.url}/dev/inbox", trust_env=False).text
            for mail in page.split("<article")[1:]:
                if recipient in mail and words in mail:
                    link = re.search(r'href="([^"]*/unsubscribe\?token=[^"]+)"', mail)
                    return link[1] if link else ""
            return ""

        return str(self.wait(f"a mail to {recipient}", found))

    def grpc(self, service: str) -> str:
        running = json.loads((self.root / "run.json").read_text("utf-8"))
        return str(running["grpc"][service])

    def metrics(self) -> dict[str, str]:
        """Where each unit's public past is asked for."""
        running = json.loads((self.root / "run.json").read_text("utf-8"))
        return dict(running["metrics"])

    def wait(self, what: str, holds: Callable[[], Any]) -> Any:
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline_s:
            found = holds()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {SETTLE_TIMEOUT_S} s: {what}")


def ran(asked: Coroutine[Any, Any, Any]) -> Any:
    """What it comes to, in a thread of its own: a browser's event loop may run in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


def local(delta: timedelta) -> str:
    """A `datetime-local` value, `delta` from now."""
    return (datetime.now(UTC) + delta).strftime("%Y-%m-%dT%H:%M")


PROPOSALS = (
    ("Trees for Market Square", "Parks", "Old Town"),
    ("A safe way to school", "Mobility", "Harbour"),
    ("Benches in the shade", "Parks", ""),
    ("A moon base", "Space", ""),
)


PLACES = {
    "Trees for Market Square": {"lat": "48.5734", "lon": "7.7521"},
    "A safe way to school": {"lat": "48,5790", "lon": "7.7611"},
}


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with an open call for ideas, four proposals and an election that is open."""
    made = Town(tmp_path_factory.mktemp("town"))
    try:
        prepare(made)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def town_at() -> Callable[[Path], Town]:
    """Starts a town in a folder; whoever starts one stops it."""
    return Town


@pytest.fixture(scope="session")
def staff(town: Town) -> Person:
    """Somebody of the city's staff, signed in."""
    person = town.person()
    person.sign_in("staff@example.org")
    person.ok()
    return person


@pytest.fixture(scope="session")
def resident(town: Town) -> Person:
    """A resident who proposed everything and whose residence is proved."""
    person = town.person()
    person.sign_in(FIRST_RESIDENT)
    person.ok()
    return person


@pytest.fixture
def stranger(town: Town) -> Person:
    """Somebody who is not signed in."""
    return town.person()


@pytest.fixture(scope="session")
def rows_of(town: Town) -> Callable[[str], list[dict[str, Any]]]:
    """Reads a data set of the town as it stands now, past the files that are kept for a while."""
    found = {each.name: each for each in SETS}

    async def read(name: str) -> list[dict[str, Any]]:
        services = Services(*map(town.grpc, ("identity", "consultation", "budget")))
        doors = LogDoors(town.metrics())
        try:
            logs = PublicLogs(doors)
            source = Source(services, ProposalTexts(services.consultation), StagedCosts(logs))
            names = [column.name for column in found[name].columns]
            return [dict(zip(names, row, strict=True)) async for row in READERS[name](source)]
        finally:
            await doors.close()
            await services.close()

    def rows(name: str) -> list[dict[str, Any]]:
        found_now: list[dict[str, Any]] = ran(read(name))
        return found_now

    return rows


@pytest.fixture(scope="session")
def new_election(town: Town, staff: Person) -> Callable[..., str]:
    """Makes and opens further elections of the town's accepted proposals; gives their ids."""

    def make(title: str, **rules: Any) -> str:
        return open_election(town, staff, title, **rules)

    return make


def prepare(town: Town) -> None:
    rows = [f"DOC{number:06d},1980-01-31,31000,Old Town" for number in range(1, CENSUS_ROWS + 1)]
    roll = "\n".join(["document_number,birth_date,postcode,district", *rows, ""])
    town.as_admin(identity.LoadCensusRollRequest(csv=roll.encode()))
    staff = town.person()
    staff.register("City desk", "staff@example.org")
    number = staff.go("/me").text.split("<dd><code>")[1].split("<")[0]
    town.as_admin(identity.GrantRoleRequest(resident_id=number, role="staff"))
    staff.sign_out()
    staff.sign_in("staff@example.org")
    define_categories(staff)
    staff.go("/staff/processes/new")
    staff.send(
        "/staff/processes/new",
        title="Ideas for a greener town",
        description="What should the town do next year?\n\nEvery idea gets an answer.",
        opens_at=local(timedelta(minutes=-5)),
        closes_at=local(timedelta(days=30)),
    )
    staff.ok()
    town.process_id = staff.page.url.path.rsplit("/", 1)[1]
    api = f"{town.url}/api/v1/processes"
    town.wait(
        "the idea phase opens",
        lambda: httpx.get(api, trust_env=False).json()["processes"][0]["idea_phase"] == "open",
    )
    resident = town.resident()
    for title, category, district in PROPOSALS:
        resident.go(f"/processes/{town.process_id}")
        resident.send(
            "/proposals",
            title=title,
            body=f"{title}: because it is needed.\n\nSoon.",
            category=category,
            district=district,
            **PLACES.get(title, {}),
        )
        resident.ok()
        town.proposals.append(resident.page.url.path.rsplit("/", 1)[1])
    for proposal_id in town.proposals[:3]:
        staff.go(f"/staff/proposals/{proposal_id}")
        staff.send(f"/{proposal_id}", state="accepted", text="We will gladly do that.")
        staff.ok()
    town.election_id = open_election(
        town,
        staff,
        "Budget of the green town",
        min_length="1",
        max_length="2",
        max_sum_cost="450000",
    )


def define_categories(staff: Person) -> None:
    for code, label, department, anonymous in (
        ("LAMP", "Street lamp", "Lighting", ""),
        ("LITTER", "Litter", "Cleaning", "yes"),
    ):
        staff.go("/staff/categories")
        staff.send(
            "/staff/categories",
            code=code,
            label=label,
            department=department,
            promise_days="7",
            anonymous=anonymous,
        )
        staff.ok()


COSTS = ({"cost": "180000"}, {"cost": "300000.50"}, {"cost": "40000"})


def open_election(
    town: Town,
    staff: Person,
    title: str,
    *,
    costs: Sequence[dict[str, str]] = COSTS,
    envelope: str = "500,000",
    **rules: str,
) -> str:
    """costs: what the form of each of the three projects gets."""
    staff.go(f"/staff/budgets/new?process={town.process_id}")
    staff.send(
        "/staff/budgets/new",
        title=title,
        description="Half a million for a greener town.",
        envelope=envelope,
        currency="EUR",
        opens_at=local(timedelta(minutes=-5)),
        closes_at=local(timedelta(days=20)),
        districts="Old Town\nHarbour",
        **rules,
    )
    staff.ok()
    path = staff.page.url.path
    town.wait("candidates arrive", lambda: staff.go(path).text.count('name="proposal_id"') >= 3)
    staff.send("/projects", proposal_id=town.proposals[:3])
    staff.ok()
    election_id = path.rsplit("/", 1)[1]
    api = f"{town.url}/api/v1/elections/{election_id}/projects"
    projects = httpx.get(api, trust_env=False).json()["projects"]
    for project, cost in zip(projects, costs, strict=True):
        staff.go(f"{path}/projects/{project['id']}")
        staff.send(f"/{project['id']}", **cost, feasibility="feasible")
        staff.ok()
    staff.go(f"{path}/steps/open")
    staff.send("/steps/open")
    staff.ok()
    return election_id
