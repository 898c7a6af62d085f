"""A forgotten person has no address, follows nothing and gets no more mails."""

from __future__ import annotations

import pytest

from cahier_chassis.erasures import Order
from cahier_kernel.errors import DomainError
from cahier_notifications.domain.follows import Level
from cahier_record.consultation import events as consultation
from cahier_record.erasure import subject_digest

PROPOSAL = "0196b1f0-0000-7000-8000-000000000001"
PROCESS = "0196b1f0-0000-7000-8000-000000000002"
ACCEPTED = consultation.ProposalAnswered(process=PROCESS, proposal=PROPOSAL, state="accepted")
ANN = "ann-canary"


def order(person: str = ANN) -> Order:
    erasure = "01a20291-0000-758c-9184-e3aa32402cca"
    return Order(erasure=erasure, subject=subject_digest(person), basis="request")


def files_with(folder, canary: str) -> list[str]:
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and canary.encode() in file.read_bytes()
    ]


async def test_address_and_follows_go_and_no_file_holds_them(desk):
    await desk.follow(ANN, level=Level.ALL)
    await desk.follow("ben", level=Level.ALL)
    desk.captured.add(f"To: {ANN}@example.org\r\n\r\nhello {ANN}".encode())
    desk.captured.add(b"To: ben@example.org\r\n\r\nhello")
    assert files_with(desk.folder, ANN)
    await desk.erasing.erase(order())
    assert files_with(desk.folder, ANN) == []
    assert desk.read_model.contact(ANN) is None
    assert desk.read_model.follows_of(ANN, 10) == []
    assert len(desk.read_model.follows_of("ben", 10)) == 1
    assert desk.captured.count() == 1


async def test_a_mail_that_waits_for_the_person_is_dropped(desk, mail_box):
    await desk.follow(ANN, level=Level.ALL)
    await desk.follow("ben", level=Level.ALL)
    await desk.react(ACCEPTED)
    await desk.erasing.erase(order())
    await desk.settled()
    await desk.handing_over.round()
    assert mail_box.recipients == ["ben"]


async def test_the_log_says_how_much_went_and_names_nobody(desk):
    await desk.follow(ANN, level=Level.ALL)
    await desk.erasing.erase(order())
    (confirmed,) = [leaf.event for leaf in desk.public()]
    assert (confirmed.erased, confirmed.kept) == (3, ())
    head = desk.ledger.head_seq()
    await desk.erasing.erase(order())
    assert desk.ledger.head_seq() == head


async def test_a_token_that_outlives_its_person_follows_nothing(desk):
    await desk.follow(ANN, level=Level.ALL)
    await desk.erasing.erase(order())
    with pytest.raises(DomainError, match="person_erased"):
        await desk.follow(ANN, level=Level.ALL)


async def test_a_person_gets_all_that_is_held(desk):
    await desk.follow(ANN, level=Level.ALL)
    contact, follow = await desk.queries.held(ANN)
    assert contact.values["email"] == f"{ANN}@example.org"
    assert (follow.id, follow.values["level"]) == (PROPOSAL, "all")
    await desk.erasing.erase(order())
    assert await desk.queries.held(ANN) == []
