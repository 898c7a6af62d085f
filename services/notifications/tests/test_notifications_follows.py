"""What a follow is: decided from its last event, once a person and thing."""

from __future__ import annotations

import pytest

from cahier_kernel.errors import DomainError
from cahier_notifications.domain.follows import (
    FOLLOWS_MAX,
    ContactStated,
    Followed,
    Level,
    Thing,
    ThingKind,
    Unfollowed,
    decide_contact,
    decide_follow,
    decide_unfollow,
    follow_id,
)

THING = Thing(ThingKind.PROPOSAL, "p1")


def code_of(call) -> str:
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code


def followed(level: Level = Level.MINIMAL) -> Followed:
    return Followed(person="ann", kind=THING.kind, thing=THING.id, level=level)


def test_a_first_follow_is_an_event():
    assert decide_follow(None, "ann", THING, Level.ALL, 0) == followed(Level.ALL)


def test_the_same_follow_again_is_nothing():
    assert decide_follow(followed(), "ann", THING, Level.MINIMAL, 1) is None


def test_another_level_is_an_event():
    assert decide_follow(followed(), "ann", THING, Level.ALL, 1) == followed(Level.ALL)


def test_a_follow_that_was_ended_begins_again():
    ended = decide_unfollow(followed(), "asked")
    assert ended == Unfollowed(person="ann", kind=THING.kind, thing=THING.id, way="asked")
    assert decide_follow(ended, "ann", THING, Level.MINIMAL, 0) == followed()


def test_what_begins_by_itself_begins_once():
    begun = decide_follow(None, "ann", THING, Level.ESSENTIAL, 0, only_first=True)
    assert begun == followed(Level.ESSENTIAL)
    ended = decide_unfollow(begun, "mail")
    for last in (begun, followed(Level.ALL), ended):
        assert decide_follow(last, "ann", THING, Level.ESSENTIAL, 0, only_first=True) is None


def test_nobody_follows_more_things_than_the_limit_but_levels_change():
    full = FOLLOWS_MAX
    assert code_of(lambda: decide_follow(None, "ann", THING, Level.ALL, full)) == "too_many_follows"
    assert decide_follow(followed(), "ann", THING, Level.ALL, full) is not None
    assert decide_follow(None, "ann", THING, Level.ALL, full - 1) is not None


def test_ending_what_is_not_followed_is_nothing():
    assert decide_unfollow(None, "mail") is None
    assert decide_unfollow(decide_unfollow(followed(), "mail"), "mail") is None


def test_a_person_and_a_thing_have_one_follow():
    assert follow_id("ann", THING) == follow_id("ann", Thing(ThingKind.PROPOSAL, "p1"))
    others = {
        follow_id("bob", THING),
        follow_id("ann", Thing(ThingKind.REPORT, "p1")),
        follow_id("ann", Thing(ThingKind.PROPOSAL, "p2")),
    }
    assert follow_id("ann", THING) not in others
    assert len(others) == 3


def test_a_contact_keeps_its_language_until_another_is_named():
    first = decide_contact(None, "ann", "a@example.org", "")
    assert first == ContactStated(person="ann", email="a@example.org", language="en")
    french = decide_contact(first, "ann", "a@example.org", "fr")
    assert french == ContactStated(person="ann", email="a@example.org", language="fr")
    assert decide_contact(french, "ann", "a@example.org", "") is None
    moved = decide_contact(french, "ann", "b@example.org", "")
    assert moved == ContactStated(person="ann", email="b@example.org", language="fr")


@pytest.mark.parametrize(
    ("email", "language", "code"),
    [
        ("", "", "address_required"),
        ("a@example.org", "de", "language_unknown"),
        ("a", "", "address_unusable"),
        ("a@", "", "address_unusable"),
        ("a@b c", "", "address_unusable"),
        ("a@example.org\r\nBcc: all@example.org", "", "address_unusable"),
        ("a@example.org, b@example.org", "", "address_unusable"),
        ("é@example.org", "", "address_unusable"),
        (f"{'a' * 250}@example.org", "", "address_unusable"),
    ],
)
def test_a_contact_that_no_mail_reaches_is_refused(email, language, code):
    assert code_of(lambda: decide_contact(None, "ann", email, language)) == code
