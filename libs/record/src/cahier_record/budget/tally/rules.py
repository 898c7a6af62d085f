"""The registry of counting rules: what stands here can be promised to voters and recounted."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from cahier_kernel.errors import Invalid
from cahier_record.budget.tally.equal_shares import count_equal_shares, count_with_comparison
from cahier_record.budget.tally.greedy import count_greedy
from cahier_record.budget.tally.phragmen import count_phragmen
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Result
from cahier_record.budget.tally.terms import Completion, Terms


class UnknownRule(Invalid):
    """Nobody here knows a counting rule of that name."""

    def __init__(self, name: str) -> None:
        known = ", ".join(RULES)
        rule = f"the counting rule {name!r} is not known (known: {known})"
        super().__init__("rule_unknown", rule, field="rule", name=name)


class Rule(Struct, frozen=True, kw_only=True):
    """A counting rule by its name, which is Pabulib's where META has one for it.

    completions: those of equal shares that it may be asked for; a rule that META names has one
    only, and that is applied whatever the terms say.
    """

    name: str
    counter: Callable[[Profile, str, Terms], Result]
    needs_threshold: bool = False
    completions: tuple[Completion, ...] = ("none",)

    def count(self, profile: Profile, terms: Terms) -> Result:
        """Count; a threshold is applied by the rule that needs one and ignored by the others.

        Raises Invalid with code `rule_threshold_missing` when it is needed and absent, and
        `rule_unfit` for ballots that the rule cannot count.
        """
        if self.needs_threshold and terms.threshold is None:
            rule = f"the counting rule {self.name!r} needs a least score"
            raise Invalid("rule_threshold_missing", rule, field="threshold", name=self.name)
        if not self.needs_threshold:
            terms = replace(terms, threshold=None)
        if terms.completion not in self.completions:
            terms = replace(terms, completion=self.completions[0])
        return self.counter(profile, self.name, terms)


def _greedy(profile: Profile, rule: str, terms: Terms) -> Result:
    return count_greedy(profile, rule, terms, stops=False)


def _greedy_no_skip(profile: Profile, rule: str, terms: Terms) -> Result:
    return count_greedy(profile, rule, terms, stops=True)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(name="greedy", counter=_greedy),
        Rule(name="greedy-no-skip", counter=_greedy_no_skip),
        Rule(name="greedy-threshold", counter=_greedy, needs_threshold=True),
        Rule(name="equalshares", counter=count_equal_shares),
        Rule(name="equalshares/add1", counter=count_equal_shares, completions=("add1",)),
        Rule(
            name="equalshares/add1-comparison",
            counter=count_with_comparison,
            completions=("add1",),
        ),
        Rule(
            name="mes",
            counter=count_equal_shares,
            completions=("none", "greedy", "add1", "add1-greedy"),
        ),
        Rule(name="phragmen", counter=count_phragmen),
    )
}


def rule_named(name: str) -> Rule:
    """The rule of that name; raises UnknownRule, naming it."""
    rule = RULES.get(name)
    if rule is None:
        raise UnknownRule(name)
    return rule


def count(profile: Profile, rule: str, terms: Terms) -> Result:
    """Count `profile` by the rule of that name; raises as rule_named and Rule.count do."""
    return rule_named(rule).count(profile, terms)
