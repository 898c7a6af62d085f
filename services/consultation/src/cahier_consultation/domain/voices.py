"""Supports and comments: many small events, each in a stream of its own, without an aggregate.

One person's support of one proposal is one stream, named by both: uniqueness by construction.
Its versions alternate between support and withdrawal, so its version alone is its state.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import msgspec

from cahier_consultation.domain import rules
from cahier_kernel.ids import derived_uuid


class Supported(msgspec.Struct, frozen=True, kw_only=True):
    """A person, under a pseudonym, supports a proposal."""

    TOPIC: ClassVar[str] = "consultation.support.supported"
    proposal: str
    supporter: str


class SupportWithdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """The same person supports it no more."""

    TOPIC: ClassVar[str] = "consultation.support.withdrawn"
    proposal: str
    supporter: str


class CommentAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A person comments. `author` is the person's id and stays private; parent may be empty."""

    TOPIC: ClassVar[str] = "consultation.comment.added"
    PRIVATE: ClassVar[tuple[str, ...]] = ("author",)
    proposal: str
    comment: str
    author: str
    pseudonym: str
    parent: str
    body: str


def support_key(proposal_id: UUID, pseudonym: str) -> UUID:
    """What identifies one person's support of one proposal; names its stream."""
    return derived_uuid("consultation.support", str(proposal_id), pseudonym)


def support_stands(version: int) -> bool:
    """Whether a support stream at this version ends with a support."""
    return version % 2 == 1


def decide_support(version: int, proposal_id: UUID, pseudonym: str) -> Supported | None:
    """The event that makes the support stand, or None when it stands already."""
    if support_stands(version):
        return None
    return Supported(proposal=str(proposal_id), supporter=pseudonym)


def decide_unsupport(version: int, proposal_id: UUID, pseudonym: str) -> SupportWithdrawn | None:
    """The event that takes the support back, or None when there is none."""
    if not support_stands(version):
        return None
    return SupportWithdrawn(proposal=str(proposal_id), supporter=pseudonym)


def decide_comment(
    *,
    proposal_id: UUID,
    comment_id: UUID,
    author: str,
    pseudonym: str,
    parent_id: UUID | None,
    body: str,
) -> CommentAdded:
    """The event of a new comment; the caller has found the parent on the same proposal.

    Raises Invalid: a text that breaks the rules.
    """
    rules.require_text(body, "body", chars_max=rules.COMMENT_CHARS_MAX, required=True)
    return CommentAdded(
        proposal=str(proposal_id),
        comment=str(comment_id),
        author=author,
        pseudonym=pseudonym,
        parent=str(parent_id) if parent_id else "",
        body=body,
    )
