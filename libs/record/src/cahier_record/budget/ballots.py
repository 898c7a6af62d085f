"""Ballot papers: what a voter chose, as sealed, opened and judged.

One judgement for everybody: the portal warns with it, budget refuses with it when a ballot is
cast, and every count, ours or an auditor's, leaves out with it what should never have been there.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cahier_kernel.errors import Invalid
from cahier_record.budget.events import Rules

ELECTORATE = "all"
SCHEME_CONFIDENTIAL = "confidential"
CREDENTIAL_LENGTH = 43
SIZE_STEP_BYTES = 64


class BallotPaper(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Numbers of the chosen projects; `extra` holds an imported file's further columns."""

    choices: tuple[int, ...]
    extra: dict[str, str] = {}


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(BallotPaper)


def encode_paper(paper: BallotPaper) -> bytes:
    """The plaintext that is padded and sealed: JSON, choices ascending.

    Sorted because approval has no order, and an order would say more than the voter meant to.
    """
    return _encoder.encode(BallotPaper(tuple(sorted(paper.choices)), paper.extra))


def decode_paper(plaintext: bytes) -> BallotPaper:
    """Raises Invalid(`ballot_malformed`) for anything but a paper."""
    try:
        return _decoder.decode(plaintext)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            "ballot_malformed", "the sealed choices are not a ballot paper", field="sealed"
        ) from error


def ballot_size_bytes(rules: Rules, projects: int, extra_bytes: int) -> int:
    """The plaintext size of every ballot of an election: room for the longest paper it allows."""
    longest = rules.max_length or projects
    per_choice = len(str(projects)) + 1
    need = len('{"choices":[]}') + longest * per_choice + extra_bytes
    return -(-need // SIZE_STEP_BYTES) * SIZE_STEP_BYTES


def check_paper(paper: BallotPaper, rules: Rules, costs: Mapping[int, int | None]) -> None:
    """Raises Invalid with the first rule that the paper breaks.

    costs: cost in cents by number of every project of the election, None where it does not stand.
    """
    choices = paper.choices
    if len(set(choices)) != len(choices):
        raise Invalid(
            "ballot_repeats_project", "a project may stand once on a ballot", field="sealed"
        )
    for number in choices:
        if number not in costs:
            raise Invalid(
                "ballot_unknown_project",
                "the election has no such project",
                field="sealed",
                number=number,
            )
        if costs[number] is None:
            raise Invalid(
                "ballot_unfeasible_project",
                "the project does not stand",
                field="sealed",
                number=number,
            )
    if len(choices) < rules.min_length:
        raise Invalid(
            "ballot_too_few_projects",
            f"at least {rules.min_length} projects",
            field="sealed",
            min=rules.min_length,
        )
    most = 1 if rules.vote_type == "choose-1" else rules.max_length
    if most and len(choices) > most:
        raise Invalid(
            "ballot_too_many_projects", f"at most {most} projects", field="sealed", max=most
        )
    if rules.max_sum_cost_cents:
        spent = sum(costs[number] or 0 for number in choices)
        if spent > rules.max_sum_cost_cents:
            raise Invalid(
                "ballot_over_envelope",
                "the chosen projects cost more than a ballot may spend",
                field="sealed",
                max_cents=rules.max_sum_cost_cents,
            )
