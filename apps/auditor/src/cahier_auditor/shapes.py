"""The cheap way to judge a leaf: decode it by its type, encode it again, compare the bytes.

Where an event's fields are all text and truth values, a leaf that comes out of its own struct as it
went in is RFC 8785 JSON without floats, nulls or numbers too large, follows its schema and has no
field that this version does not know. Everything else is judged the long way (judging.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from cahier_kernel.ids import derived_uuid
from cahier_record.budget.events import BallotCast
from cahier_record.events import PublicEvent, registered

SPECIAL = (
    ".v1.log.epoch_opened",
    ".v1.erasure.content_erased",
    ".v1.election.voting_opened",
)
"""Types that verification itself must understand."""

write_again = msgspec.json.Encoder(order="sorted").encode
"""A leaf's struct as RFC 8785 JSON."""


class Shape:
    """How leaves of one type look.

    tail: the bytes that each such leaf of version 1 ends in. is_ballot: those of BallotCast.
    """

    def __init__(self, event_type: str, cls: type[PublicEvent]) -> None:
        service = event_type.partition(".")[0]
        self.tail = f'","svc":"{service}","t":"{event_type}","v":1}}'.encode()
        self.is_ballot = cls is BallotCast
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(_leaf_struct(cls)).decode


def shapes(service: str) -> dict[bytes, Shape]:
    """By tail, the shapes of a service's types that can be judged so."""
    found = (
        Shape(name, cls)
        for name, cls in registered()
        if name.startswith(f"{service}.") and is_plain(name, cls)
    )
    return {shape.tail: shape for shape in found}


def is_plain(event_type: str, cls: type[PublicEvent]) -> bool:
    """Whether the type's fields are text and truth values alone; ballots count as plain."""
    if event_type.endswith(SPECIAL):
        return False
    hints = get_type_hints(cls)
    plain = (_is_plain_field(hints[name]) for name in cls.__struct_fields__)
    return cls is BallotCast or all(plain)


def ballot_id(ballot: BallotCast) -> str:
    """The id that a ballot's leaf must have."""
    return str(derived_uuid("ballot", ballot.election, ballot.credential, str(ballot.sequence)))


def _leaf_struct(cls: type[PublicEvent]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        f"LeafOf{cls.__name__}",
        [
            ("sd", tuple[str, ...] | UnsetType, msgspec.field(name="_sd", default=UNSET)),
            ("sd_alg", str | UnsetType, msgspec.field(name="_sd_alg", default=UNSET)),
            ("at", str | UnsetType, UNSET),
            ("data", cls),
            ("id", str),
            ("svc", str),
            ("t", str),
            ("v", int),
        ],
        kw_only=True,
        gc=False,
    )


def _is_plain_field(hint: object) -> bool:
    if get_origin(hint) is Literal:
        return all(isinstance(value, str) for value in get_args(hint))
    return hint in (str, bool)
