"""An election's rules in people's words: how to vote, and how votes are counted."""

from __future__ import annotations

from collections.abc import Iterable

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_portal.catalogue import t, tn
from cahier_portal.formats import money, points
from cahier_portal.wording import WEIGHED, is_greedy


def rules_in_words(rules: budget.Rules, envelope_cents: int, currency: str) -> list[str]:
    """An election's rules, one sentence each: how to vote, then how votes are counted."""
    return [*voting_in_words(rules, currency), *_counting(rules, envelope_cents, currency)]


def voting_in_words(rules: budget.Rules, currency: str) -> list[str]:
    """What a ballot may say, one sentence each."""
    if rules.vote_type == "choose-1":
        return [t("rules.choose_one")]
    ways = {"cumulative": _sharing_points, "scoring": _scoring, "ordinal": _ranking}
    way = ways.get(rules.vote_type)
    sentences = [*(way(rules) if way else ()), *_how_many(rules)]
    if rules.max_sum_cost_cents:
        amount = money(rules.max_sum_cost_cents, currency)
        sentences.append(t("rules.knapsack", amount=amount))
    return sentences


def weighs(rules: budget.Rules) -> bool:
    """Whether ballots say more of a project than that they name it."""
    return rules.vote_type in WEIGHED


def _how_many(rules: budget.Rules) -> list[str]:
    least, most = rules.min_length, rules.max_length
    if most and least:
        return [t("rules.between", least=least, most=most)]
    if most:
        return [tn("rules.at_most", most)]
    if least:
        return [tn("rules.at_least", least)]
    return [] if weighs(rules) else [t("rules.any_number")]


def _sharing_points(rules: budget.Rules) -> list[str]:
    decimals = rules.point_decimals
    least, most = points(rules.min_sum_points, decimals), points(rules.max_sum_points, decimals)
    sentences = []
    if rules.max_sum_points and rules.min_sum_points:
        sentences.append(t("rules.points_sum_between", least=least, most=most))
    elif rules.max_sum_points:
        sentences.append(t("rules.points_sum", most=most))
    elif rules.min_sum_points:
        sentences.append(t("rules.points_sum_least", least=least))
    if rules.max_points:
        sentences.append(t("rules.points_each", most=points(rules.max_points, decimals)))
    if rules.min_points:
        sentences.append(t("rules.points_least", least=points(rules.min_points, decimals)))
    return sentences


def _scoring(rules: budget.Rules) -> list[str]:
    decimals = rules.point_decimals
    least, most = points(rules.min_points, decimals), points(rules.max_points, decimals)
    if rules.min_points:
        sentences = [t("rules.scores_between", least=least, most=most)]
    else:
        sentences = [t("rules.scores", most=most)]
    if rules.default_points:
        given = points(rules.default_points, decimals)
        sentences.append(t("rules.scores_left_out", points=given))
    bounds = budget.Rules(
        min_sum_points=rules.min_sum_points,
        max_sum_points=rules.max_sum_points,
        point_decimals=decimals,
    )
    return [*sentences, *_sharing_points(bounds)]


def _ranking(rules: budget.Rules) -> list[str]:
    if rules.positions:
        places = "; ".join(points(each, rules.point_decimals) for each in rules.positions)
        return [t("rules.ranking"), t("rules.places", points=places)]
    if rules.max_length:
        return [t("rules.ranking"), t("rules.places_borda", top=rules.max_length)]
    return [t("rules.ranking"), t("rules.places_borda_open")]


def _counting(rules: budget.Rules, envelope_cents: int, currency: str) -> list[str]:
    amount = money(envelope_cents, currency)
    way = _greedily(rules, amount) if is_greedy(rules.rule) else _with_shares(rules, amount)
    return [*way, *_limits(rules, currency), _ties(rules)]


def _ties(rules: budget.Rules) -> str:
    if rules.ties == "cheapest":
        return t("rules.ties_cheapest")
    if rules.ties == "lexicographic":
        of_points, of_votes = "rules.ties_lexicographic_points", "rules.ties_lexicographic"
    else:
        of_points, of_votes = "rules.ties_standard_points", "rules.ties_standard"
    return t(of_points if weighs(rules) else of_votes)


def _greedily(rules: budget.Rules, amount: str) -> list[str]:
    return [
        _order(rules, amount),
        t("rules.no_skip") if rules.rule == "greedy-no-skip" else t("rules.skip"),
        *_threshold(rules),
    ]


def _order(rules: budget.Rules, amount: str) -> str:
    by_cost = rules.utility == "cardinality"
    if weighs(rules):
        if by_cost:
            return t("rules.per_cost_points", amount=amount)
        return t("rules.greedy_points", amount=amount)
    return t("rules.per_cost", amount=amount) if by_cost else t("rules.greedy", amount=amount)


def _threshold(rules: budget.Rules) -> list[str]:
    if rules.rule != "greedy-threshold" or not rules.threshold_votes:
        return []
    if weighs(rules):
        least = points(rules.threshold_votes, rules.point_decimals)
        return [t("rules.threshold_points", points=least)]
    return [tn("rules.threshold", rules.threshold_votes)]


def _with_shares(rules: budget.Rules, amount: str) -> list[str]:
    as_votes = [t("rules.points_as_votes")] if weighs(rules) else []
    if rules.rule == "phragmen":
        return [t("rules.phragmen", amount=amount), *as_votes]
    by_count = rules.utility == "cardinality"
    sentences = [
        t("rules.shares", amount=amount),
        *as_votes,
        t("rules.shares_count") if by_count else t("rules.shares_cost"),
    ]
    if "add1" in rules.rule or "add1" in rules.completion:
        sentences.append(t("rules.add1"))
    if "greedy" in rules.completion:
        sentences.append(t("rules.then_greedy"))
    if rules.rule == "equalshares/add1-comparison":
        sentences.append(t("rules.comparison"))
    return sentences


def _limits(rules: budget.Rules, currency: str) -> list[str]:
    sentences = []
    if rules.least_turnout:
        sentences.append(tn("rules.least_turnout", rules.least_turnout))
    if rules.least_votes:
        sentences.append(tn("rules.threshold", rules.least_votes))
    if rules.proportion and rules.proportion[0]:
        part, whole = rules.proportion
        sentences.append(t("rules.proportion", part=part, whole=whole))
    for quota in rules.quotas:
        district = quota.district or t("rules.whole_city")
        most = money(quota.amount_cents, currency)
        sentences.append(t("rules.quota", district=district, amount=most))
    for group in rules.alternatives:
        sentences.append(t("rules.alternatives", numbers=_listed(group.numbers)))
    if rules.fixed:
        sentences.append(t("rules.fixed", numbers=_listed(rules.fixed)))
    if rules.credits_cents:
        amounts = "; ".join(money(each, currency) for each in rules.credits_cents)
        sentences.append(t("rules.credits", amounts=amounts))
    return sentences


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
