"""Whoever reported is forgotten, and where; what the city promised and said stays."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from cahier_chassis.erasures import Order
from cahier_kernel.errors import DomainError
from cahier_kernel.texts import ERASED
from cahier_ledger.model import Append, NewEvent, StreamAppend
from cahier_record.erasure import subject_digest
from cahier_reporting.domain.report import Report
from cahier_reporting.domain.states import State

ANN = "01a20291-2522-758c-9184-e3aa32402cca"
CANARY = "Canari 31 rue du Taur"
OLD = "01a20291-2522-758c-9184-e3aa32402ccc"


def order(person: str = ANN) -> Order:
    erasure = "01a20291-0000-758c-9184-e3aa32402cca"
    return Order(erasure=erasure, subject=subject_digest(person), basis="request")


def files_with(folder, *canaries: str) -> list[str]:
    return [
        file.name
        for file in folder.iterdir()
        if file.is_file() and any(each.encode() in file.read_bytes() for each in canaries)
    ]


@pytest.fixture
async def report(desk) -> UUID:
    made = await desk.report(ANN, address=CANARY, description=f"Chez {CANARY}")
    await desk.answer(made, State.INVESTIGATING, "We look at it")
    return made


async def test_a_forgotten_persons_report_says_neither_what_nor_where(desk, report):
    assert files_with(desk.folder, CANARY, ANN, "488566000,23522000")
    await desk.erasing.erase(order())
    row = desk.read_model.report(str(report))
    assert (row.description, row.address, row.position) == (ERASED, ERASED, None)
    assert (row.answer, row.state) == ("We look at it", "investigating")
    assert files_with(desk.folder, CANARY, ANN, "488566000,23522000") == []
    assert desk.told()[-2:] == ["content_erased", "erasure_confirmed"]
    assert desk.public()[-1].event.erased == 4


async def test_the_city_can_still_answer_and_close_it(desk, report):
    await desk.erasing.erase(order())
    await desk.close(report, State.FIXED)
    assert desk.read_model.report(str(report)).is_closed


async def test_a_token_that_outlives_its_person_reports_no_more(desk, report):
    await desk.erasing.erase(order())
    with pytest.raises(DomainError, match="person_erased"):
        await desk.report(ANN)


async def test_an_old_report_loses_its_two_numbers_as_well(desk, report):
    (stored,) = desk.ledger.read_stream(str(report), limit=1)
    fields = msgspec.json.decode(stored.data)
    fields.pop("v")
    fields.pop("position")
    fields |= {"lat_e7": 431_234_567, "lon_e7": 13_456_789}
    leaf = desk.ledger.public_by_id(desk.public()[1].id)
    assert leaf is not None
    event = NewEvent(Report.Created.TOPIC, msgspec.json.encode(fields))
    await desk.ledger.append(Append((StreamAppend(OLD, 0, (event,)),)))
    await desk.read_model.settle(desk.ledger.head_seq())
    assert desk.read_model.report(OLD).position.lat_e7 == 431_234_567
    await desk.erasing.erase(order())
    (blank,) = desk.ledger.read_stream(OLD)
    assert b"431234567" not in blank.data
    assert ANN.encode() not in blank.data


async def test_a_person_gets_all_that_is_held(desk, report):
    (item,) = await desk.exporting.held(ANN)
    assert item.values["address"] == CANARY
    assert item.values["position"] == "488566000,23522000"
    await desk.erasing.erase(order())
    assert await desk.exporting.held(ANN) == []
