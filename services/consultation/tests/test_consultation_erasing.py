"""Whoever wrote proposals and comments is forgotten; the log and the counts stay."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from cahier_chassis.erasing import erasure_stream, replay
from cahier_chassis.erasures import Order
from cahier_consultation.application.commands import NewProposal
from cahier_kernel.errors import DomainError
from cahier_kernel.texts import ERASED
from cahier_ledger.leaves import verify_disclosure
from cahier_record.erasure import subject_digest
from cahier_record.places import Position

ANN = "01a20291-2522-758c-9184-e3aa32402cca"
BOB = "01a20291-2522-758c-9184-e3aa32402ccb"
PLACE = Position(485_730_001, -16_750_001)
CANARY = "Canari 31 rue du Taur"


def order(person: str = ANN) -> Order:
    erasure = "01a20291-0000-758c-9184-e3aa32402cca"
    return Order(erasure=erasure, subject=subject_digest(person), basis="request")


def nothing(receipt):
    return None


def files_with(folder: Path, canary: str) -> list[str]:
    return [f.name for f in folder.iterdir() if f.is_file() and canary.encode() in f.read_bytes()]


@pytest.fixture
async def written(desk) -> str:
    """A proposal of Ann's, edited, that Bob supports and both comment on."""
    process = UUID(await desk.process())
    proposal = await desk.proposal(
        process, ANN, title=f"Piste {CANARY}", body=CANARY, position=PLACE
    )
    ann, bob = desk.claims(ANN, "resident"), desk.claims(BOB, "resident")
    await desk.commands.edit_proposal(ann, UUID(proposal), f"P {CANARY}", f"b {CANARY}", nothing)
    await desk.voices.support(bob, UUID(proposal), "", nothing)
    await desk.voices.comment(ann, UUID(proposal), None, f"Moi: {CANARY}", nothing)
    await desk.voices.comment(bob, UUID(proposal), None, "Bonne idée", nothing)
    return proposal


async def test_a_forgotten_persons_place_goes_and_its_cell_stays(desk, written):
    (leaf,) = [row.leaf for row in desk.ledger.read_public(0, 1_000) if b"lat_e2" in row.leaf]
    assert b'"lat_e2":4857,"lon_e2":-168' in leaf
    assert PLACE.text().encode() not in leaf
    assert desk.queries.proposal(UUID(written), "").row.position == PLACE.text()
    assert files_with(desk.folder, PLACE.text())
    await desk.erasing.erase(order())
    assert desk.queries.proposal(UUID(written), "").row.position == ""
    assert files_with(desk.folder, PLACE.text()) == []


async def test_the_texts_of_a_forgotten_person_read_erased_and_the_rest_stays(desk, written):
    await desk.erasing.erase(order())
    row = desk.queries.proposal(UUID(written), "").row
    assert (row.title, row.body, row.supports, row.comments) == (ERASED, ERASED, 1, 2)
    comments = desk.queries.comments(UUID(written), 0, "").comments
    assert [comment.body for comment in comments] == [ERASED, "Bonne idée"]


async def test_nothing_in_the_store_says_any_more_who_wrote(desk, written):
    assert files_with(desk.folder, ANN)
    await desk.erasing.erase(order())
    assert files_with(desk.folder, ANN) == []


async def test_no_file_holds_their_texts_any_more(desk, written):
    assert files_with(desk.folder, CANARY)
    await desk.erasing.erase(order())
    assert files_with(desk.folder, CANARY) == []


async def test_the_log_names_each_leaf_whose_texts_went_and_changes_none(desk, written):
    before = desk.ledger.read_public(0, 1_000)
    await desk.erasing.erase(order())
    after = desk.ledger.read_public(0, 1_000)
    assert after[: len(before)] == before
    *erased, confirmed = [leaf.event for leaf in desk.public()[len(before) :]]
    assert [before[event.index].id for event in erased] == [event.leaf for event in erased]
    told = [desk.told()[event.index] for event in erased]
    assert told == ["proposal_submitted", "proposal_edited", "comment_added"]
    assert (confirmed.erasure, confirmed.erased, confirmed.kept) == (order().erasure, 8, ())
    assert all(ANN.encode() not in row.leaf for row in after)


async def test_disclosures_are_gone_for_the_forgotten_alone(desk, written):
    leaves = {row.id: row.leaf for row in desk.ledger.read_public(0, 1_000)}
    await desk.erasing.erase(order())
    comments = [leaf.id for leaf in desk.public() if leaf.type.endswith("comment_added")]
    with pytest.raises(DomainError, match="disclosures_erased"):
        desk.queries.disclosures(comments[0])
    (body,) = desk.queries.disclosures(comments[1])
    assert verify_disclosure(leaves[comments[1]], body)


async def test_forgetting_twice_changes_nothing(desk, written):
    await desk.erasing.erase(order())
    head = desk.ledger.head_seq()
    await desk.erasing.erase(order())
    assert desk.ledger.head_seq() == head


async def test_who_wrote_nothing_is_confirmed_too(desk):
    await desk.erasing.erase(order(BOB))
    assert desk.told() == ["erasure_confirmed"]


async def test_a_token_that_outlives_its_person_stores_no_more_texts(desk, written):
    await desk.erasing.erase(order())
    ann = desk.claims(ANN, "resident")
    new = NewProposal(UUID(await desk.process()), "Again", "", "", "", "")
    for refused in (
        desk.commands.submit_proposal(ann, new, nothing),
        desk.commands.edit_proposal(ann, UUID(written), "Again", "", nothing),
        desk.voices.comment(ann, UUID(written), None, "Again", nothing),
    ):
        with pytest.raises(DomainError, match="person_erased"):
            await refused


async def test_a_text_that_was_on_its_way_meets_the_erasure(desk, written, monkeypatch):
    """The check passes, then the erasure begins: the append itself must refuse."""
    monkeypatch.setattr(
        "cahier_consultation.application.voices.not_erased",
        lambda ledger, person: ((erasure_stream(subject_digest(person)), 0),),
    )
    await desk.erasing.erase(order())
    with pytest.raises(DomainError, match="stream_conflict"):
        await desk.voices.comment(
            desk.claims(ANN, "resident"), UUID(written), None, "late", nothing
        )


async def test_a_service_that_died_after_it_had_begun_goes_on(desk, written):
    await desk.erasing._begin(order())
    assert desk.erasing.unfinished() == []
    desk.erasures.add(order())
    assert desk.erasing.unfinished() == [order()]
    await desk.erasing.erase(order())
    assert desk.erasing.unfinished() == []
    assert desk.told()[-1] == "erasure_confirmed"


async def test_many_texts_are_erased_in_several_appends(desk, written, monkeypatch):
    monkeypatch.setattr("cahier_chassis.erasing.LEAVES_AN_APPEND_MAX", 2)
    await desk.erasing.erase(order())
    assert desk.told().count("content_erased") == 3
    assert desk.told().count("erasure_confirmed") == 1


async def test_a_database_from_before_the_erasure_forgets_again_before_it_serves(
    desk, written, tmp_path, make_desk
):
    old = tmp_path / "restored"
    old.mkdir()
    source = sqlite3.connect(tmp_path / "events.db")
    with sqlite3.connect(old / "events.db") as copy:
        source.backup(copy)
    source.close()
    await desk.erasing.erase(order())
    restored = make_desk(old, desk.erasures)
    assert files_with(old, CANARY)
    await replay(restored.erasing, restored.projection)
    assert restored.queries.proposal(UUID(written), "").row.title == ERASED
    assert files_with(old, CANARY) == []
    assert restored.told()[-1] == "erasure_confirmed"
    await restored.close()


async def test_a_view_built_anew_after_the_erasure_reads_the_same(desk, written):
    await desk.erasing.erase(order())
    before = desk.views.fetch_all("SELECT * FROM proposals")
    with desk.views.transaction() as db:
        db.execute("DROP TABLE held")
    again = type(desk.projection)(desk.ledger, desk.views, *_view())
    running = asyncio.create_task(again.run())
    assert await again.wait_for(desk.ledger.head_seq(), 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [dict(row) for row in desk.views.fetch_all("SELECT * FROM proposals")] == [
        dict(row) for row in before
    ]


def _view():
    from cahier_consultation.application.projections import VIEW, fold

    return VIEW, fold


async def test_a_person_gets_all_that_is_held(desk, written):
    ann = await desk.exporting.held(ANN)
    assert [item.kind for item in ann] == ["proposal", "edit", "comment"]
    assert ann[0].values["title"] == f"Piste {CANARY}"
    assert ann[2].values == {"proposal": written, "body": f"Moi: {CANARY}"}
    comment, support = await desk.exporting.held(BOB)
    assert (comment.kind, support.kind) == ("comment", "support")
    assert support.values["proposal"] == written
    assert desk.ledger.public_by_id(support.event_id) is not None
    assert CANARY not in json.dumps([comment.values, support.values])


async def test_nothing_of_a_forgotten_person_is_exported(desk, written):
    await desk.erasing.erase(order())
    assert await desk.exporting.held(ANN) == []
