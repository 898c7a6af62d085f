"""A letter: the same bytes each time, in the reader's language, with a way out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from string import Formatter

import pytest

from cahier_chassis.pseudonyms import HmacPseudonyms
from cahier_notifications.adapters.letters import CatalogueLetters, catalogue
from cahier_notifications.adapters.unsubscribing import SignedTokens
from cahier_notifications.application.ports import ContactRow, WaitingMail
from cahier_notifications.domain.follows import LANGUAGES, Thing, ThingKind

FOLLOW = "0196b1f0-0000-8000-8000-000000000009"
CAUSE = "0196b1f0-0000-7000-8000-000000000003"
PROPOSAL = "0196b1f0-0000-7000-8000-000000000001"
MAIL = WaitingMail(
    cause=CAUSE,
    follow=FOLLOW,
    place=(1, 0),
    letter="proposal_accepted",
    about=Thing(ThingKind.PROPOSAL, PROPOSAL),
    params={},
    planned_at="2026-03-01T08:00:00.000Z",
    traceparent=None,
    contact=None,
)
TOKENS = SignedTokens(HmacPseudonyms(b"k" * 32))


@pytest.fixture
def letters() -> CatalogueLetters:
    return CatalogueLetters("demo", "https://city.example", "no-reply@city.example", TOKENS)


def written(letters: CatalogueLetters, mail: WaitingMail, language: str = "en") -> EmailMessage:
    letter = letters.write(mail, ContactRow("ann@example.org", language))
    assert letter.recipient == "ann@example.org"
    parser = BytesParser(_class=EmailMessage, policy=policy.default)
    return parser.parsebytes(letter.content)


def text_of(mail: EmailMessage, kind: str) -> str:
    return mail.get_body((kind,)).get_content()


def test_a_letter_has_the_heads_that_mail_programs_need(letters):
    mail = written(letters, MAIL)
    digest = hashlib.sha256(f"{CAUSE}\0{FOLLOW}".encode()).hexdigest()
    assert mail["Message-ID"] == f"<{digest}@demo>"
    assert mail["To"] == "ann@example.org"
    assert mail["From"].addresses[0].addr_spec == "no-reply@city.example"
    assert mail["Date"].datetime.isoformat() == "2026-03-01T08:00:00+00:00"
    assert mail["Subject"] == "Accepted: a proposal that you follow"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"


def test_a_letter_is_left_by_one_click(letters):
    mail = written(letters, MAIL)
    out = f"https://city.example/unsubscribe?token={TOKENS.token(FOLLOW)}"
    assert mail["List-Unsubscribe"] == f"<{out}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert out in text_of(mail, "plain")
    assert f'href="{out}"' in text_of(mail, "html")


def test_a_letter_links_to_the_page_of_what_it_is_about(letters):
    for kind, page in {
        ThingKind.PROPOSAL: "proposals",
        ThingKind.ELECTION: "budgets",
        ThingKind.PROCESS: "processes",
        ThingKind.REPORT: "reports",
    }.items():
        mail = written(letters, replace(MAIL, about=Thing(kind, PROPOSAL)))
        for body in ("plain", "html"):
            assert f"https://city.example/{page}/{PROPOSAL}" in text_of(mail, body)


def test_a_letter_is_the_same_bytes_at_every_try(letters):
    contact = ContactRow("ann@example.org", "fr")
    assert letters.write(MAIL, contact) == letters.write(MAIL, contact)


def test_lines_are_short_enough_for_any_server(letters):
    for language in LANGUAGES:
        for name in catalogue(language)["letter"]:
            mail = replace(MAIL, letter=name, params={"cents": "1", "currency": "EUR"})
            content = letters.write(mail, ContactRow("ann@example.org", language)).content
            assert all(len(line) <= 998 for line in content.split(b"\r\n"))
            assert content.isascii()


def test_the_bodies_are_quoted_printable_with_lines_of_at_most_76_characters(letters):
    for language in LANGUAGES:
        content = letters.write(MAIL, ContactRow("ann@example.org", language)).content
        _, _, bodies = content.partition(b"\r\n\r\n")
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert all(len(line) <= 76 for line in bodies.split(b"\r\n"))
        mail = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(content)
        assert not [part.defects for part in mail.walk() if part.defects]
        assert mail.get_content_type() == "multipart/alternative"


def test_an_address_begins_no_line_of_its_own(letters):
    for address in (
        "ann@example.org\r\nBcc: eve@example.org",
        "ann@\N{LATIN SMALL LETTER E WITH ACUTE}",
    ):
        with pytest.raises(ValueError, match="one line of ASCII"):
            letters.write(MAIL, ContactRow(address, "en"))


def test_money_is_written_in_the_readers_way(letters):
    costed = replace(
        MAIL, letter="project_costed", params={"cents": "123456789", "currency": "EUR"}
    )
    assert "1,234,567.89\N{NO-BREAK SPACE}EUR" in text_of(written(letters, costed), "plain")
    french = text_of(written(letters, costed, "fr"), "plain")
    narrow = "\N{NARROW NO-BREAK SPACE}"
    assert f"1{narrow}234{narrow}567,89\N{NO-BREAK SPACE}EUR" in french
    whole = replace(costed, params={"cents": "500000", "currency": "CHF"})
    assert "5,000\N{NO-BREAK SPACE}CHF" in text_of(written(letters, whole), "plain")


def test_a_letter_that_the_catalogue_lacks_is_an_error(letters):
    with pytest.raises(LookupError):
        letters.write(replace(MAIL, letter="unknown"), ContactRow("ann@example.org", "en"))


def flat(language: str) -> dict[str, str]:
    found = catalogue(language)
    texts = {f"frame.{key}": text for key, text in found["frame"].items()}
    for name, letter in found["letter"].items():
        texts |= {f"letter.{name}.{key}": text for key, text in letter.items()}
    return texts


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_all_languages_share_their_keys_and_places():
    english = flat("en")
    for language in LANGUAGES:
        texts = flat(language)
        assert set(texts) == set(english), language
        for key, text in texts.items():
            assert text.strip(), key
            assert places(text) == places(english[key]), key


def test_french_is_not_english_and_keeps_its_spaces():
    english = flat("en")
    for key, text in flat("fr").items():
        assert text != english[key], key
        assert not re.search(r"(?<!\N{NO-BREAK SPACE}):", text), key


@pytest.mark.parametrize("spoil", ["", "x", "é" * 75, "0" * 75, "'" * 200])
def test_a_token_that_was_not_made_here_names_nothing(spoil):
    assert TOKENS.follow(spoil) is None


def test_a_token_names_its_follow_and_no_other_key_makes_it():
    token = TOKENS.token(FOLLOW)
    assert TOKENS.follow(token) == FOLLOW
    assert TOKENS.follow(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    other = FOLLOW.replace("9", "8")
    assert TOKENS.follow(TOKENS.token(other)[:32] + token[32:]) is None
    assert SignedTokens(HmacPseudonyms(b"j" * 32)).follow(token) is None
