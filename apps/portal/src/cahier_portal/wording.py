"""States, rules and outcomes of the contracts in people's words."""

from __future__ import annotations

from dataclasses import dataclass

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_portal.catalogue import t, tn
from cahier_portal.formats import money


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
_FEASIBILITY_TONES = {"undecided": "soon", "feasible": "good", "unfeasible": "bad"}


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


def rules_in_words(rules: budget.Rules, envelope_cents: int, currency: str) -> list[str]:
    """An election's rules, one sentence each: how to vote, then how votes are counted."""
    return [*_how_to_vote(rules, currency), *_how_to_count(rules, envelope_cents, currency)]


def _how_to_vote(rules: budget.Rules, currency: str) -> list[str]:
    if rules.vote_type == "choose-1":
        return [t("rules.choose_one")]
    least, most = rules.min_length, rules.max_length
    if most and least:
        sentences = [t("rules.between", least=least, most=most)]
    elif most:
        sentences = [tn("rules.at_most", most)]
    elif least:
        sentences = [tn("rules.at_least", least)]
    else:
        sentences = [t("rules.any_number")]
    if rules.max_sum_cost_cents:
        amount = money(rules.max_sum_cost_cents, currency)
        sentences.append(t("rules.knapsack", amount=amount))
    return sentences


def _how_to_count(rules: budget.Rules, envelope_cents: int, currency: str) -> list[str]:
    amount = money(envelope_cents, currency)
    sentences = [t("rules.greedy", amount=amount)]
    if rules.rule == "greedy-no-skip":
        sentences.append(t("rules.no_skip"))
    else:
        sentences.append(t("rules.skip"))
    if rules.rule == "greedy-threshold" and rules.threshold_votes:
        sentences.append(tn("rules.threshold", rules.threshold_votes))
    ties = "lexicographic" if rules.ties == "lexicographic" else "standard"
    sentences.append(t(f"rules.ties_{ties}"))
    return sentences


def outcome_reason(
    outcome: budget.ProjectOutcome, rules: budget.Rules, left_after_cents: int, currency: str
) -> str:
    """Why a project won or did not, in one sentence.

    left_after_cents: for a winner, what was left of the envelope once it was paid for.
    """
    if outcome.reason == "below_threshold":
        return t("outcome.below_threshold", votes=rules.threshold_votes)
    if outcome.reason == "selected":
        return t("outcome.selected", left=money(left_after_cents, currency))
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
