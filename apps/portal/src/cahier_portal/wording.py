"""States, rules and outcomes of the contracts in people's words."""

from __future__ import annotations

from dataclasses import dataclass

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_portal.catalogue import t, tn
from cahier_portal.formats import money, points


@dataclass(frozen=True)
class Word:
    """A state as people read it. tone: how its badge looks, beside what it says."""

    text: str
    tone: str


_IDEA_PHASE_TONES = {"planned": "soon", "open": "open", "closed": "past"}
_PROPOSAL_TONES = {
    "not_answered": "plain",
    "evaluating": "soon",
    "accepted": "good",
    "rejected": "bad",
}
_ELECTION_TONES = {
    "preparing": "soon",
    "open": "open",
    "closed": "past",
    "counted": "past",
    "published": "good",
}
_REPORT_TONES = {
    "unconfirmed": "plain",
    "confirmed": "soon",
    "investigating": "soon",
    "planned": "open",
    "in_progress": "open",
    "action_scheduled": "open",
    "fixed": "good",
    "unable_to_fix": "bad",
}
_FEASIBILITY_TONES = {
    "undecided": "soon",
    "feasible": "good",
    "unfeasible": "bad",
    "superseded": "past",
}


WEIGHED = ("cumulative", "scoring", "ordinal")
"""Types of ballots that say more of a project than that they name it."""


def idea_phase(value: int) -> Word:
    """Where an idea phase stands."""
    name = consultation.IdeaPhase.Name(value).removeprefix("IDEA_PHASE_").lower()
    return Word(t(f"idea_phase.{name}"), _IDEA_PHASE_TONES.get(name, "plain"))


def proposal_state(value: int) -> Word:
    """What the city answered."""
    name = consultation.ProposalState.Name(value).removeprefix("PROPOSAL_STATE_").lower()
    return Word(t(f"proposal_state.{name}"), _PROPOSAL_TONES.get(name, "plain"))


def election_state(value: int) -> Word:
    """Where an election stands."""
    name = budget.ElectionState.Name(value).removeprefix("ELECTION_STATE_").lower()
    return Word(t(f"election_state.{name}"), _ELECTION_TONES.get(name, "plain"))


def feasibility(value: int) -> Word:
    """Whether a project can be built."""
    name = budget.Feasibility.Name(value).removeprefix("FEASIBILITY_").lower()
    return Word(t(f"feasibility.{name}"), _FEASIBILITY_TONES.get(name, "plain"))


def report_state(value: int) -> Word:
    """Where a street report stands."""
    name = reporting.ReportState.Name(value).removeprefix("REPORT_STATE_").lower()
    return Word(t(f"report_state.{name}"), _REPORT_TONES.get(name, "past"))


def update_kind(value: int) -> str:
    """What happened to a street report."""
    name = reporting.UpdateKind.Name(value).removeprefix("UPDATE_KIND_").lower()
    return t(f"update.{name}")


def is_greedy(rule: str) -> bool:
    """Whether a rule takes projects in an order, and not out of the voters' own shares."""
    return not rule or rule.startswith("greedy")


def rule_name(rule: str, utility: str, completion: str = "") -> str:
    """A counting rule in a few words."""
    if completion not in ("", "none") and not is_greedy(rule):
        return t(f"rule_name.with_{completion.replace('-', '_')}", rule=rule_name(rule, utility))
    if rule == "phragmen":
        return t("rule_name.phragmen")
    family = "greedy" if is_greedy(rule) else "shares"
    return t(f"rule_name.{family}_{'count' if utility == 'cardinality' else 'cost'}")


def explained_in_words(
    each: budget.ProjectExplanation, currency: str, *, with_shares: bool
) -> list[str]:
    """What decided about a project beyond its reason, one sentence each."""
    if each.reason in ("selected", "fixed"):
        if not with_shares or each.reason == "fixed":
            return []
        if not each.HasField("round"):
            return [t("explain.completed")]
        votes = round_half_up(each.effective_votes_milli, 1_000)
        said = [t("explain.bought", round=each.round)]
        return [*said, tn("explain.effective", votes)] if votes else said
    sentences = []
    if each.HasField("missing_cents"):
        sentences.append(t("explain.missing", amount=money(each.missing_cents, currency)))
    if each.HasField("supporters_money_cents"):
        held = money(each.supporters_money_cents, currency)
        sentences.append(t("explain.supporters", amount=held))
    if each.HasField("cost_to_win_cents"):
        sentences.append(t("explain.cost", amount=money(each.cost_to_win_cents, currency)))
    if each.HasField("votes_to_win"):
        sentences.append(tn("explain.votes", each.votes_to_win))
    return sentences


def round_half_up(amount: int, unit: int) -> int:
    """A whole number of units, for people to read."""
    return (amount + unit // 2) // unit


def outcome_reason(
    outcome: budget.ProjectOutcome, rules: budget.Rules, left_after_cents: int, currency: str
) -> str:
    """Why a project won or did not, in one sentence.

    left_after_cents: for a winner, what was left of the envelope once it was paid for.
    """
    if outcome.reason == "below_threshold" and rules.vote_type in WEIGHED:
        least = points(rules.threshold_votes, rules.point_decimals)
        return t("outcome.below_score", points=least)
    if outcome.reason == "below_threshold":
        return t("outcome.below_threshold", votes=rules.threshold_votes)
    if outcome.reason == "selected":
        fate = "selected" if is_greedy(rules.rule) else "bought"
        return t(f"outcome.{fate}", left=money(left_after_cents, currency))
    return t(f"outcome.{outcome.reason}")


_TONES = {
    "proposal": _PROPOSAL_TONES,
    "election": _ELECTION_TONES,
    "report": _REPORT_TONES,
    "feasibility": _FEASIBILITY_TONES,
}


def word(kind: str, name: str) -> Word:
    """A state by its name in the log. kind: proposal, election, report or feasibility."""
    key = "feasibility" if kind == "feasibility" else f"{kind}_state"
    tone = _TONES[kind].get(name, "past" if kind == "report" else "plain")
    return Word(t(f"{key}.{name}"), tone)
