"""After the vote, for real: books over gRPC, pictures on disk, and a result that is corrected."""

from __future__ import annotations

import asyncio
import struct
import zlib
from datetime import timedelta
from uuid import uuid4

import pytest

from cahier_budget.application.counting import ballot_opener, fold_election
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import delivery_pb2 as own
from cahier_kernel.errors import DomainError
from cahier_kernel.ids import uuid7
from cahier_ledger.ledger import Ledger
from cahier_record.budget.count import count_election


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


PIXEL = b"".join(
    (
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(b"\0\0")),
        chunk(b"IEND", b""),
    )
)


async def refusal_of(call) -> str:
    with pytest.raises(DomainError) as refusal:
        await call
    return refusal.value.code


async def announced(service, kit):
    """An election in which 2 and 1 win, and its projects' ids by number."""
    election = await service.open_election(kit, (40_00, 50_00, 60_00))
    importer = await service.stub(service.token("importer"))
    votes = [(1, 2), (2,), (3,), (2, 3), (1, 2)]
    ballots = [election.message(*chosen, number=number) for number, chosen in enumerate(votes)]
    await importer.CastBallots(pb.CastBallotsRequest(ballots=ballots))
    staff = await service.stub(service.token("staff"))
    for message in (
        pb.CloseVotingRequest(election_id=election.id, reason="enough"),
        pb.CountBallotsRequest(election_id=election.id),
        pb.PublishResultRequest(election_id=election.id),
    ):
        await getattr(staff, type(message).DESCRIPTOR.name.removesuffix("Request"))(message)
    answer = await staff.ListProjects(pb.ListProjectsRequest(election_id=election.id))
    return election, staff, {each.number: each.project_id for each in answer.projects}


async def test_a_project_is_built_and_every_cent_of_it_is_public(service, kit):
    election, staff, projects = await announced(service, kit)
    anyone = await service.stub()
    about = {"election_id": election.id, "project_id": projects[2]}
    books = await anyone.GetBooks(own.GetBooksRequest(election_id=election.id))
    assert (books.envelope_cents, books.reserved_cents, books.unallocated_cents) == (
        100_00,
        90_00,
        10_00,
    )
    dear = own.AwardTenderRequest(**about, cents=55_00, title="Planting", contractor="Green Ltd")
    assert await refusal_of(staff.AwardTender(dear)) == "tender_over_reservation"
    dear.top_up, dear.reason = True, "roots"
    tender = await staff.AwardTender(dear, idempotency_key="one-contract")
    again = await staff.AwardTender(dear, idempotency_key="one-contract")
    assert again == tender
    assert await refusal_of(anyone.AwardTender(dear)) == "token_missing"
    lost = own.AwardTenderRequest(
        election_id=election.id, project_id=projects[3], cents=1, title="x"
    )
    assert await refusal_of(staff.AwardTender(lost)) == "project_not_funded"
    planned = await staff.PlanMilestone(
        own.PlanMilestoneRequest(**about, title="Holes dug", due="2027-03-01")
    )
    milestone = {"milestone_id": planned.milestone_id}
    await staff.DelayMilestone(
        own.DelayMilestoneRequest(**about, **milestone, due="2027-05-01", reason="frost")
    )
    photo = await staff.AddPhoto(
        own.AddPhotoRequest(**about, **milestone, data=PIXEL, alt="Twelve holes")
    )
    await staff.ReachMilestone(own.ReachMilestoneRequest(**about, **milestone))
    paid = await staff.RecordExpenditure(
        own.RecordExpenditureRequest(
            **about, cents=55_00, tender_id=tender.tender_id, payee="Green Ltd"
        )
    )
    await staff.FinishProject(own.FinishProjectRequest(**about, report="They grow."))
    told = await anyone.GetDelivery(own.GetDeliveryRequest(**about))
    assert (told.books.state, told.books.paid_cents, told.delivered) == ("finished", 55_00, True)
    assert (told.milestones[0].due, told.milestones[0].planned_due) == ("2027-05-01", "2027-03-01")
    assert told.milestones[0].HasField("reached_at")
    assert [each.invoice_id for each in told.invoices] == [paid.invoice_id]
    asked = own.GetPhotoRequest(election_id=election.id, photo_id=photo.photo_id)
    shown = await anyone.GetPhoto(asked)
    assert (shown.media_type, shown.data) == ("image/png", PIXEL)
    erase = own.ErasePhotoRequest(**about, photo_id=photo.photo_id, basis="request")
    await staff.ErasePhoto(erase)
    entries = str(await anyone.ListBookEntries(own.ListBookEntriesRequest(**about)))
    assert "Twelve holes" not in entries
    assert "Planting" in entries
    assert await refusal_of(anyone.GetPhoto(asked)) == "photo_not_found"
    assert list((service.folder / "budget" / "photos").rglob("*.*")) == []
    assert (await anyone.GetDelivery(own.GetDeliveryRequest(**about))).photos == []
    texts = pb.GetDisclosuresRequest(event_id=photo.event_id)
    assert await refusal_of(anyone.GetDisclosures(texts)) == "disclosures_erased"
    bench = {"election_id": election.id, "project_id": projects[1]}
    await staff.AbandonProject(own.AbandonProjectRequest(**bench, reason="a river"))
    await staff.CloseBooks(own.CloseBooksRequest(election_id=election.id))
    books = await anyone.GetBooks(own.GetBooksRequest(election_id=election.id))
    assert (books.paid_cents, books.returned_cents, books.closed) == (55_00, 45_00, True)
    listed = own.ListBookEntriesRequest(election_id=election.id, money_only=True)
    entries = (await anyone.ListBookEntries(listed)).entries
    assert [each.kind for each in entries] == [
        "opened",
        "funds_reserved",
        "tender_awarded",
        "expenditure_recorded",
        "project_abandoned",
        "closed",
    ]
    assert all(sum(one.cents for one in each.postings) == 0 for each in entries)
    assert entries[2].texts == {
        "title": "Planting",
        "contractor": "Green Ltd",
        "reason": "roots",
    }
    view = folded(service, election.id)
    assert view.books is not None
    assert view.books.accounts.total("paid") == 55_00
    await texts_can_be_erased(staff, anyone, about, paid.event_id, listed)


async def texts_can_be_erased(staff, anyone, about, paid: str, listed) -> None:
    """Also of closed books: the payment stays, and who was paid is nowhere."""
    erase = own.EraseTextsRequest(**about, event_id=paid, basis="request")
    assert await refusal_of(anyone.EraseTexts(erase)) == "token_missing"
    no_basis = own.EraseTextsRequest(**about, event_id=paid, basis="whim")
    assert await refusal_of(staff.EraseTexts(no_basis)) == "basis_unknown"
    await staff.EraseTexts(erase, idempotency_key="once")
    await staff.EraseTexts(erase, idempotency_key="once")
    texts = pb.GetDisclosuresRequest(event_id=paid)
    assert await refusal_of(anyone.GetDisclosures(texts)) == "disclosures_erased"
    entries = (await anyone.ListBookEntries(listed)).entries
    (entry,) = [each for each in entries if each.event_id == paid]
    assert entry.texts == {"payee": "[erased]"}
    assert [one.cents for one in entry.postings] == [-55_00, 55_00]
    told = await anyone.GetDelivery(own.GetDeliveryRequest(**about))
    assert [each.payee for each in told.invoices] == ["[erased]"]
    assert await refusal_of(staff.EraseTexts(erase)) == "texts_erased"


def folded(service, election_id):
    """The election as the public log leaves it."""
    ledger = Ledger.open(service.folder / "budget" / "events.db")
    try:
        return fold_election(ledger, election_id)
    finally:
        ledger.close_blocking()


async def test_a_corrected_result_stands_beside_the_one_that_it_corrects(service, kit):
    election, staff, _ = await announced(service, kit)
    anyone = await service.stub()
    annul = own.AnnulBallotsRequest(
        election_id=election.id,
        credentials=[kit.credential(number) for number in (0, 4, 0)],
        reason="they voted at a booth, too",
    )
    nobody = own.AnnulBallotsRequest(
        election_id=election.id, credentials=[kit.credential(99)], reason="x"
    )
    assert await refusal_of(staff.AnnulBallots(nobody)) == "ballot_not_cast"
    assert (await staff.AnnulBallots(annul)).annulled == 2
    assert await refusal_of(staff.AnnulBallots(annul)) == "ballots_annulled"
    first = await staff.CountBallots(pb.CountBallotsRequest(election_id=election.id))
    count = pb.CountBallotsRequest(election_id=election.id, reason="two ballots were annulled")
    second = await staff.CountBallots(count, idempotency_key="recount")
    assert (await staff.CountBallots(count, idempotency_key="recount")) == second
    assert second.event_id != first.event_id
    asked = pb.GetResultRequest(election_id=election.id)
    listed = own.ListResultVersionsRequest(election_id=election.id)
    assert (await anyone.GetResult(asked)).ballots_counted == 5
    assert len((await anyone.ListResultVersions(listed)).versions) == 1
    assert len((await staff.ListResultVersions(listed)).versions) == 2
    why = pb.ExplainResultRequest(election_id=election.id)
    assert (await anyone.ExplainResult(why)).satisfaction.voters == 5
    await staff.PublishResult(pb.PublishResultRequest(election_id=election.id))
    result = await anyone.GetResult(asked)
    assert (result.ballots_counted, list(result.selected)) == (3, [2])
    assert (await anyone.ExplainResult(why)).satisfaction.voters == 3
    old, new = (await anyone.ListResultVersions(listed)).versions
    assert (old.ballots_counted, list(old.selected), old.reason) == (5, [2, 1], "")
    assert (new.ballots_annulled, new.reason) == (2, "two ballots were annulled")
    assert new.log_size > old.log_size
    books = await anyone.GetBooks(own.GetBooksRequest(election_id=election.id))
    assert (books.reserved_cents, books.unallocated_cents) == (50_00, 50_00)
    view = folded(service, election.id)
    opener = ballot_opener(view.private_key)
    for version in view.versions:
        counted = count_election(view.as_counted(version), opener)
        assert counted == version.counted.result
    assert view.versions[1].counted.supersedes == view.versions[0].event == first.event_id


async def test_a_running_service_sweeps_pictures_that_no_event_names(service):
    """By its own timer, on the city's clock: nothing happens before the day is over."""
    folder = service.folder / "budget" / "photos" / str(uuid4())
    folder.mkdir(parents=True)
    orphan = folder / str(uuid7(service.clock.now()))
    orphan.write_bytes(b"bytes")
    service.clock.set(service.clock.now() + timedelta(hours=23))
    await asyncio.sleep(2.5)
    assert orphan.exists()
    service.clock.set(service.clock.now() + timedelta(hours=2))
    async with asyncio.timeout(20):
        while orphan.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
