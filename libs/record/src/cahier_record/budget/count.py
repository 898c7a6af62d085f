"""The count of an election: a pure function of the log and of the rules that were in force.

Opening needs the trustee's key and a cipher, which are handed in; what remains is the same code
for the city that announces a result and for the auditor who doubts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from cahier_kernel.errors import DomainError, FailedPrecondition, Invalid
from cahier_record.budget.ballots import BallotPaper, Voted, check_paper, decode_paper, voted
from cahier_record.budget.events import BallotCast, CountResult
from cahier_record.budget.profiles import profile_of, terms_of
from cahier_record.budget.tally import Profile, Result, Terms, count
from cahier_record.budget.views import BallotView, ElectionView

CODE_VERSION = "greedy/1"
"""Of the greedy rules; changes with every change that could change a count by them."""
SHARES_VERSION = "shares/1"
"""The same of equal shares and its completions."""
PHRAGMEN_VERSION = "phragmen/1"
"""The same of Phragmén's rule."""

OpenBallot = Callable[[BallotCast], bytes]
"""Unseals: the plaintext of a ballot. Raises ValueError for a seal that does not open."""


class InvalidBallot(msgspec.Struct, frozen=True):
    """A ballot that does not count: the index of its leaf and the stable code of the rule."""

    index: int
    code: str
    rule: str


class OpenedBallots(msgspec.Struct):
    """What voters chose: how many ballots say exactly this."""

    papers: Counter[Voted]
    invalid: list[InvalidBallot]


def open_ballots(election: ElectionView, open_ballot: OpenBallot) -> OpenedBallots:
    """Opens and judges the ballot that counts of each credential that was not annulled."""
    opened = OpenedBallots(Counter(), [])
    for judged in judge_ballots(election, election.counting(), open_ballot):
        if isinstance(judged, InvalidBallot):
            opened.invalid.append(judged)
        else:
            opened.papers[voted(judged)] += 1
    return opened


def judge_ballots(
    election: ElectionView, ballots: Iterable[BallotView], open_ballot: OpenBallot
) -> Iterator[BallotPaper | InvalidBallot]:
    """Each ballot's paper, or why it has none that may count."""
    costs, rules = election.costs(), election.rules
    for held in ballots:
        try:
            paper = decode_paper(open_ballot(held.ballot))
            check_paper(paper, rules, costs)
        except DomainError as error:
            yield InvalidBallot(held.index, error.code, error.rule)
        except ValueError as error:
            yield InvalidBallot(held.index, "ballot_seal_broken", str(error))
        else:
            yield paper


def count_election(election: ElectionView, open_ballot: OpenBallot) -> CountResult:
    """Opens and counts; raises FailedPrecondition while voting is not closed."""
    return count_opened(election, open_ballots(election, open_ballot))


def count_opened(election: ElectionView, opened: OpenedBallots) -> CountResult:
    """Counts opened ballots under the rules in force; raises FailedPrecondition before closing."""
    if not election.closed_log_size:
        raise FailedPrecondition("voting_not_closed", "ballots are counted after voting closed")
    rules, counted = election.rules, count_profile(election, opened)
    result, numbers = counted.result, counted.numbers
    outcomes = sorted(result.projects, key=lambda outcome: numbers[outcome.id])
    return CountResult(
        rules=rules,
        envelope_cents=result.budget,
        spent_cents=result.spent,
        selected=tuple(numbers[name] for name in result.selected),
        numbers=tuple(numbers[outcome.id] for outcome in outcomes),
        votes=tuple(outcome.votes for outcome in outcomes),
        reasons=tuple(outcome.reason for outcome in outcomes),
        ballots_counted=result.voters,
        ballots_invalid=len(opened.invalid),
        ballots_annulled=len(election.annulled),
        log_size=election.decided_log_size,
        code_version=code_version(rules.rule),
        scores=tuple(one.score for one in outcomes) if counted.profile.weighs() else (),
    )


class Counted(msgspec.Struct, frozen=True):
    """A count as the rules tell it, with what explains it; `numbers`: of projects, by their id."""

    profile: Profile
    terms: Terms
    result: Result
    numbers: dict[str, int]


class Countable(msgspec.Struct, frozen=True):
    """All that a count follows from, in whole numbers of 64 bits: what may be sent to a helper.

    A Result may not: the exact shares of voters are ratios of any size.
    """

    profile: Profile
    rule: str
    terms: Terms
    numbers: dict[str, int]

    def counted(self) -> Counted:
        """Counts; raises as the rule does."""
        result = count(self.profile, self.rule, self.terms)
        return Counted(self.profile, self.terms, result, self.numbers)


def count_profile(election: ElectionView, opened: OpenedBallots) -> Counted:
    """Counts opened ballots under the rules in force, with what an explanation is made of.

    Raises FailedPrecondition `rules_do_not_count` for an election that its rules cannot count.
    """
    try:
        profile, numbers = profile_of(election, opened.papers)
        terms = terms_of(election.rules)
        return Counted(profile, terms, count(profile, election.rules.rule, terms), numbers)
    except (ValueError, Invalid) as error:
        why = error.rule if isinstance(error, Invalid) else str(error)
        raise FailedPrecondition("rules_do_not_count", why) from error


def code_version(rule: str) -> str:
    """By which version of the code a rule is counted here; it stands in every result."""
    if rule.startswith("greedy"):
        return CODE_VERSION
    return PHRAGMEN_VERSION if rule == "phragmen" else SHARES_VERSION
