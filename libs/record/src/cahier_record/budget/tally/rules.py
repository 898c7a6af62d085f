"""The registry of counting rules: what stands here can be promised to voters and recounted."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from cahier_kernel.errors import Invalid, NotServed
from cahier_record.budget.tally.greedy import count_greedy
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Result
from cahier_record.budget.tally.terms import Terms


class UnknownRule(Invalid):
    """Nobody here knows a counting rule of that name."""

    def __init__(self, name: str) -> None:
        known = ", ".join(RULES)
        rule = f"the counting rule {name!r} is not known (known: {known})"
        super().__init__("rule_unknown", rule, field="rule", name=name)


class RuleNotServed(NotServed):
    """The rule is known, but this release does not count by it."""

    def __init__(self, name: str) -> None:
        rule = f"this release counts by the greedy rules only, not by {name!r}"
        super().__init__("rule_not_served", rule, field="rule", name=name)


class Rule(Struct, frozen=True, kw_only=True):
    """A counting rule by the name that Pabulib's META gives it."""

    name: str
    stops_at_misfit: bool = False
    needs_threshold: bool = False

    def count(self, profile: Profile, terms: Terms) -> Result:
        """Count; a threshold is applied by the rule that needs one and ignored by the others.

        Raises Invalid with code `rule_threshold_missing` when it is needed and absent.
        """
        if self.needs_threshold and terms.threshold is None:
            rule = f"the counting rule {self.name!r} needs a least score"
            raise Invalid("rule_threshold_missing", rule, field="threshold", name=self.name)
        if not self.needs_threshold:
            terms = replace(terms, threshold=None)
        return count_greedy(profile, self.name, terms, stops=self.stops_at_misfit)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(name="greedy"),
        Rule(name="greedy-no-skip", stops_at_misfit=True),
        Rule(name="greedy-threshold", needs_threshold=True),
    )
}
RULES_NOT_SERVED = (
    "mes",
    "phragmen",
    "equalshares",
    "equalshares/add1",
    "equalshares/add1-comparison",
)


def rule_named(name: str) -> Rule:
    """The rule of that name; raises RuleNotServed or UnknownRule, naming it."""
    rule = RULES.get(name)
    if rule is not None:
        return rule
    if name in RULES_NOT_SERVED:
        raise RuleNotServed(name)
    raise UnknownRule(name)


def count(profile: Profile, rule: str, terms: Terms) -> Result:
    """Count `profile` by the rule of that name; raises as rule_named and Rule.count do."""
    return rule_named(rule).count(profile, terms)
