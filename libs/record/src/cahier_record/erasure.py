"""What every service's log says when a person is forgotten, in one form for all of them.

Identity orders it, naming the person by a digest that says nothing to strangers; each service
deletes the texts that it holds, names their leaves, and confirms: what went, and what the law
keeps until when. The leaves themselves stay, and with them the root of the log.
"""

from __future__ import annotations

import hashlib

import msgspec

from cahier_kernel import base64url
from cahier_record.events import PublicEvent

BASES = ("request", "order")
"""Why somebody is forgotten: they asked for it, or an authority ordered it."""


def subject_digest(person: str) -> str:
    """43 characters of base64url. Person ids are random, so nobody can try them out."""
    digest = hashlib.sha256(b"cahier/erasure/v1\0" + person.encode())
    return base64url.encode(digest.digest())


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is not deleted yet. until: a date as YYYY-MM-DD; basis: the rule, a stable word."""

    what: str
    until: str
    basis: str


class ContentErased(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The texts behind one leaf were deleted, with their salts.

    index: how many public events the service had told before that leaf. leaf: its id.
    """

    index: int
    leaf: str
    basis: str


class ErasureConfirmed(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A service has deleted what it held on a person. erased: how many texts and values went."""

    erasure: str
    erased: int = 0
    kept: tuple[Kept, ...] = ()
