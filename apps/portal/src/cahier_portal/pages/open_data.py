"""`/open-data/`: what there is, the data dictionary, and the files themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.response import Stream

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import NotFound
from cahier_portal.catalogue import language
from cahier_portal.opendata.elections import TOLD_BY
from cahier_portal.opendata.library import ENDINGS
from cahier_portal.opendata.meanings import meaning_of
from cahier_portal.opendata.sets import BALLOTS, SETS
from cahier_portal.opendata.shelf import KEPT_S, OpenFile
from cahier_portal.opendata.tables import FORMATS, KINDS, dictionary, dictionary_csv
from cahier_portal.parameters import Caller, PathText
from cahier_portal.visit import Page, Visit, or_none

ALL = (*SETS, BALLOTS)
_TYPES = {
    "csv": "text/csv; header=present",
    "json": "application/json",
    "pb": "text/plain",
}
"""The framework adds the charset to texts."""
_OUTSIDE: dict[str, Any] = {"skip_session": True, "exclude_from_csrf": True}
_SHARED = {
    "cache-control": f"public, max-age={int(KEPT_S)}",
    # Any page may read what anybody may read.
    "access-control-allow-origin": "*",
}


@get("/open-data")
async def open_data_page(visit: Caller) -> Page:
    """The data sets, the elections whose files may be had, and what the columns mean."""
    return visit.page(
        "open_data.html",
        sets=SETS,
        every=ALL,
        formats=FORMATS,
        kinds=KINDS,
        meaning=meaning_of,
        elections=await _closed(visit),
    )


@get("/open-data/{name:str}", opt=_OUTSIDE)
async def open_data_file(visit: Caller, name: PathText) -> Response[Any]:
    """A data set, the data dictionary or the list of all files."""
    stem, _, form = name.rpartition(".")
    if name == "index.json":
        return _json(await _index(visit))
    if name == "dictionary.json":
        return _json(dictionary(ALL), _in_its_language())
    if name == "dictionary.csv":
        headers = _in_its_language()
        return Response(dictionary_csv(ALL), media_type=_TYPES["csv"], headers=headers)
    return _stream(await visit.portal.open_data.table(stem, form), name)


@get("/open-data/elections/{name:str}", opt=_OUTSIDE)
async def election_file(visit: Caller, name: PathText) -> Response[Any]:
    """`<id>.pb`, `<id>-ballots.csv` or `<id>-ballots.json` of a closed election."""
    for ending in ENDINGS:
        election_id = name.removesuffix(ending)
        if election_id != name and _is_id(election_id):
            return _stream(await visit.portal.open_data.election(election_id, ending), name)
    raise NotFound("open_data_not_found", "elections' files are <id>.pb and <id>-ballots.csv")


async def _closed(visit: Visit) -> list[budget.Election] | None:
    """Elections whose ballots are opened, newest first; None while budget is away."""
    listed = await or_none(visit.budget(budget.ListElectionsRequest()))
    if listed is None:
        return None
    return [election for election in listed.elections if election.state in TOLD_BY]


async def _index(visit: Visit) -> dict[str, Any]:
    listed = await visit.budget(budget.ListElectionsRequest())
    return {
        "dictionary": ["/open-data/dictionary.csv", "/open-data/dictionary.json"],
        "data_sets": {
            each.name: [f"/open-data/{each.name}.{form}" for form in FORMATS] for each in SETS
        },
        "elections": {
            election.election_id: [
                f"/open-data/elections/{election.election_id}{ending}" for ending in ENDINGS
            ]
            for election in listed.elections
            if election.state in TOLD_BY
        },
    }


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _stream(file: OpenFile, name: str) -> Response[Any]:
    headers = {
        **_SHARED,
        "content-length": str(file.size),
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Stream(file.chunks(), media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def _json(content: Any, headers: dict[str, str] = _SHARED) -> Response[bytes]:
    return Response(msgspec.json.encode(content), media_type=MediaType.JSON, headers=headers)


def _in_its_language() -> dict[str, str]:
    """Of what reads otherwise to others under the same address."""
    return {**_SHARED, "content-language": language(), "vary": "accept-language, cookie"}
