"""Which language a page is in, and that forms understand what that language writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.datastructures import FormMultiDict

from cahier_chassis.health import Health
from cahier_portal.app import build_app
from cahier_portal.bootstrap import build_portal
from cahier_portal.catalogue import speaking
from cahier_portal.clients import Services
from cahier_portal.forms import FieldErrors, Form
from cahier_portal.keys import session_key
from cahier_portal.languages import preferred
from cahier_portal.settings import PortalSettings

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de,fr;q=0.4,en;q=0.3", "fr"),
        ("fr;q=0,en;q=0.1", "en"),
        ("fr;q=0.5,en", "en"),
        ("de-DE,de;q=0.9", ""),
        ("", ""),
        ("*", ""),
        ("fr;q=x,;;=,,en;q=0.01", "en"),
        (",".join(["de"] * 500 + ["fr"]), ""),
    ],
)
def test_the_browsers_preference_is_followed_by_weight(accept: str, language: str) -> None:
    assert preferred(accept) == language


@pytest.fixture
async def french_city(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The portal of a French town, with no service answering."""
    made = PortalSettings(
        city="vieille-ville",
        data_dir=tmp_path,
        identity_address=NOWHERE,
        consultation_address=NOWHERE,
        budget_address=NOWHERE,
        language="fr",
    )
    services = Services(NOWHERE, NOWHERE, NOWHERE)
    app = build_app(build_portal(made, services), Health(), session_key(tmp_path))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        yield client
    await services.close()


def said(answer: httpx.Response) -> str:
    page = answer.text
    title = {"Se connecter": "fr", "Sign in": "en"}[page.split("<h1>")[1].split("</h1>")[0]]
    assert f'<html lang="{title}">' in page
    assert answer.headers["content-language"] == title
    return title


async def test_the_address_beats_the_cookie_beats_the_browser_beats_the_city(
    french_city: httpx.AsyncClient,
) -> None:
    async def ask(path: str = "/sign-in", **headers: str) -> str:
        return said(await french_city.get(path, headers=headers))

    assert await ask() == "fr"
    assert await ask(**{"accept-language": "de"}) == "fr"
    assert await ask(**{"accept-language": "en"}) == "en"
    assert await ask("/sign-in?lang=en", **{"accept-language": "fr"}) == "en"
    # The choice is kept: the browser's preference no longer counts.
    assert await ask(**{"accept-language": "fr"}) == "en"
    assert await ask("/sign-in?lang=fr") == "fr"
    assert await ask("/sign-in?lang=tlh") == "fr"
    assert await ask(**{"accept-language": "en"}) == "fr"


@pytest.mark.parametrize("cookie", ["cahier_lang=../../etc", "cahier_lang=", 'cahier_lang="{'])
async def test_a_cookie_of_another_kind_is_no_choice(
    french_city: httpx.AsyncClient, cookie: str
) -> None:
    answer = await french_city.get("/sign-in", headers={"cookie": cookie})
    assert said(answer) == "fr"
    assert "etc" not in answer.headers.get("set-cookie", "")


async def test_the_other_language_is_a_link_that_keeps_the_page_and_its_query(
    french_city: httpx.AsyncClient,
) -> None:
    page = (await french_city.get("/sign-in?next=%2Fme&lang=fr")).text
    assert '<a href="/sign-in?next=%2Fme&amp;lang=en" hreflang="en" lang="en"' in page
    assert '<span aria-current="true" lang="fr">Français</span>' in page


async def test_errors_and_refusals_come_in_the_readers_language(
    french_city: httpx.AsyncClient,
) -> None:
    assert "Cette page n’existe pas" in (await french_city.get("/nowhere")).text
    assert "Un instant" in (await french_city.get("/budgets")).text
    token = french_city.cookies["cahier_csrf"]
    form = {"_csrf_token": token, "email": "a@b.example", "display_name": "Ada", "password": "x"}
    page = (await french_city.post("/register", data=form)).text
    assert "Le service concerné est momentanément indisponible" in page
    # A page that answers a form leads to itself, not to an address that only takes forms.
    assert 'href="/register?lang=en"' in page


async def test_programs_get_one_language(french_city: httpx.AsyncClient) -> None:
    answer = await french_city.get("/api/v1/elections")
    assert answer.json()["title"] == "Service Unavailable"


def amount(language: str, text: str) -> int | None:
    with speaking(language):
        try:
            return Form(FormMultiDict({"cost": text})).money("cost")
        except FieldErrors:
            return None


@pytest.mark.parametrize(
    ("text", "english", "french"),
    [
        ("446829.40", 44_682_940, 44_682_940),
        ("446829,40", None, 44_682_940),
        ("500,000", 50_000_000, None),
        ("500.000", None, None),
        ("8 000 000", 800_000_000, 800_000_000),
        ("8\u202f000\u202f000", 800_000_000, 800_000_000),
        ("8,000,000", 800_000_000, None),
        ("1.234,50", None, None),
        ("12€", None, None),
    ],
)
def test_an_amount_is_read_as_its_language_writes_it_and_never_guessed(
    text: str, english: Any, french: Any
) -> None:
    assert amount("en", text) == english
    assert amount("fr", text) == french
