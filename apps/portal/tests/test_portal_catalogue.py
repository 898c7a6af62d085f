"""Every sentence comes from the catalogue, and every template can be made into a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel import Locale
from jinja2 import Environment, FileSystemLoader

import cahier_portal
from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import FailedPrecondition, Invalid, Unavailable
from cahier_portal.catalogue import LANGUAGES, error_sentence, messages, speaking, t, tn
from cahier_portal.rule_words import rules_in_words

SOURCE = Path(cahier_portal.__file__).parent
TEXTS = {
    path: path.read_text("utf-8")
    for pattern in ("*.py", "*.html")
    for path in SOURCE.rglob(pattern)
}


FORMS = ("zero", "one", "many", "other")
# What is the same word in both languages.
ALIKE = {
    "site.name",
    "nav.budgets",
    "staff.field_description",
    "staff_reports.code",
    "vote.place",
    "vote.in_place",
    "vote.points_given_to",
    "results.points",
    "results.column_points",
    "budget_map.kilometres",
    "budget_map.metres",
    "budget_map.north",
    "report.lat",
    "report.lon",
    "status.milliseconds",
    "history.kind_election",
    "deliver.field_note",
    "versions.number",
    "transparency.log_budget",
}


def stem(key: str) -> str:
    head, _, last = key.rpartition(".")
    return head if last in FORMS else key


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def keys_used() -> set[str]:
    used: set[str] = set()
    for text in TEXTS.values():
        used |= set(re.findall(r"\bt\(\s*\"([a-z0-9_.]+\.[a-z0-9_]+)\"\s*[,)]", text))
        for stem in re.findall(r"\btn\(\s*\"([a-z0-9_.]+\.[a-z0-9_]+)\"\s*,", text):
            used |= {f"{stem}.{form}" for form in FORMS if f"{stem}.{form}" in messages()}
            used |= {f"{stem}.one", f"{stem}.other"}
        used |= set(re.findall(r"\"(notice\.[a-z_]+)\"", text))
    return used


def test_every_key_in_use_has_a_message() -> None:
    assert keys_used() - set(messages()) == set()


def test_every_message_is_used() -> None:
    made_up = ("role.", "phase.", "consent.", "change_state.", "project.change_",
               "project.stage_",
               "staff_life.means_", "staff_life.analysis_",
               "fault.", "idea_phase.", "proposal_state.", "election_state.", "error.",
               "feasibility.", "order.", "outcome.", "home.how_", "staff.step_", "staff.confirm_",
               "staff.means_", "staff.track_", "staff.vote_type_", "staff.rule_", "staff.ties_",
               "rules.ties_", "notice.step_", "format.", "report_state.", "update.",
               "notice.report_", "follow.means_", "follow.level_", "things.kind_", "things.asked_",
               "status.", "unsubscribe.done_text_", "event.", "verdict.", "check.how_", "audit.",
               "history.kind_", "history.see_", "history.link_", "receipt.state_",
               "transparency.log_", "held_kind.", "held_value.", "kept_what.", "kept_basis.",
               "erase.part_", "erasure.basis_", "rule_name.", "budget.view_", "budget.standing_",
               "import.means_", "import.column_", "open_data.set_", "vote.move_",
               "staff.stop_", "entry.", "ledger_account.", "works.", "books.means_",
               "deliver.text_", "deliver.do_", "deliver.field_")  # fmt: skip
    rest = {key for key in set(messages()) - keys_used() if not key.startswith(made_up)}
    assert rest == set()


def test_messages_are_plain_text() -> None:
    assert [key for key, text in messages().items() if "<" in text or "&" in text] == []


@pytest.mark.parametrize(
    "path", sorted((SOURCE / "templates").rglob("*.html")), ids=lambda p: p.name
)
def test_templates_are_well_formed(path: Path) -> None:
    folder = SOURCE / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True)
    environment.filters |= dict.fromkeys(
        ("money", "number", "instant", "moment", "day", "plain_moment", "paragraphs", "pseudonym",
         "duration", "position", "rate", "span", "rfc3339", "exact", "ends",
         "deadline", "last_day"), str)  # fmt: skip
    environment.get_template(str(path.relative_to(folder)))


def test_templates_carry_no_sentence_of_their_own() -> None:
    jinja = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.S)
    tag = re.compile(r"<[^>]*>|&\w+;|\saria-[a-z]+=\"[^\"]*\"", re.S)
    for path, text in TEXTS.items():
        if path.suffix == ".html":
            left = tag.sub(" ", jinja.sub("", text))
            assert not re.search(r"[A-Za-z]{3,}", left), (path, left)


def test_templates_have_no_inline_style_or_script() -> None:
    for path, text in TEXTS.items():
        if path.suffix == ".html":
            assert not re.search(r"\sstyle=|\son[a-z]+=\"|<script>|<style", text), path


def test_languages_have_the_same_messages() -> None:
    english = {stem(key) for key in messages("en")}
    for language in LANGUAGES:
        assert {stem(key) for key in messages(language)} == english, language


def test_every_message_is_translated() -> None:
    english, french = messages("en"), messages("fr")
    same = {key for key, text in french.items() if text and text == english.get(key)}
    assert same == ALIKE


@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_have_every_form_of_their_language(language: str) -> None:
    wanted = {*Locale.parse(language).plural_form.tags, "other"}
    forms: dict[str, set[str]] = {}
    for key in messages(language):
        if stem(key) != key:
            forms.setdefault(stem(key), set()).add(key.rpartition(".")[2])
    assert forms
    assert {key for key, found in forms.items() if found - {"zero"} != wanted} == set()


def test_languages_fill_the_same_places() -> None:
    english = {stem(key): places(text) for key, text in messages("en").items()}
    for key, text in messages("fr").items():
        assert places(text) | {"n"} == english[stem(key)] | {"n"}, key


def test_french_singulars_which_hold_for_zero_too_say_the_number() -> None:
    french = messages("fr")
    silent = {key for key, text in french.items() if key.endswith(".one") and "{n}" not in text}
    assert {key for key in silent if f"{stem(key)}.zero" not in french} == set()


def test_french_never_breaks_a_line_before_its_marks() -> None:
    for key, text in messages("fr").items():
        assert not re.search(r" [:;!?»]|« |'", text), key
        assert not re.search(r"\w[;!?]", text), key


def test_french_plurals_follow_the_number() -> None:
    with speaking("fr"):
        assert tn("word.proposals", 0) == "0 proposition"
        assert tn("word.proposals", 1) == "1 proposition"
        assert tn("word.proposals", 4_532) == "4\u202f532 propositions"
        assert tn("word.proposals", 1_000_000) == "1\u202f000\u202f000 de propositions"
        assert tn("results.heading", 0) == "Aucun projet lauréat"
    assert tn("word.proposals", 0) == "0 proposals"


def test_an_unknown_refusal_is_told_in_the_readers_language_or_not_at_all() -> None:
    error = FailedPrecondition("new", "not today")
    with speaking("fr"):
        assert error_sentence(error) == t("error.kind_unknown")


def test_a_language_that_the_site_does_not_speak_is_an_error() -> None:
    with pytest.raises(KeyError), speaking("tlh"):
        pass


def test_plurals_follow_the_number() -> None:
    assert tn("word.proposals", 1) == "1 proposal"
    assert tn("word.proposals", 0) == "0 proposals"
    assert tn("word.proposals", 4532) == "4,532 proposals"


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        t("no.such")


def test_a_known_code_is_told_in_our_words_with_its_parameters() -> None:
    error = Invalid("ballot_too_many_projects", "at most 3", max=3)
    assert error_sentence(error) == "You have chosen too many. The most is 3."


def test_a_known_code_without_its_parameters_falls_back_to_the_rule() -> None:
    error = Invalid("ballot_too_many_projects", "at most 3 projects")
    assert error_sentence(error) == "At most 3 projects."


def test_an_unknown_code_is_told_by_its_rule_or_its_kind() -> None:
    assert error_sentence(FailedPrecondition("new", "not today")) == "Not today."
    assert error_sentence(Unavailable("new", "down")) == t("error.kind_unavailable")
    assert error_sentence(Invalid("new", "")) == t("error.kind_unknown")


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (budget.Rules(vote_type="choose-1"), "You choose one project."),
        (budget.Rules(vote_type="approval", max_length=1), "You choose at most one project."),
        (budget.Rules(vote_type="approval", min_length=2), "You choose at least 2 projects."),
        (budget.Rules(vote_type="approval", min_length=1, max_length=3),
         "You choose 1 to 3 projects."),
        (budget.Rules(vote_type="approval"), "You choose as many projects as you like."),
        (budget.Rules(vote_type="approval", max_sum_cost_cents=50_000),
         "Together they may cost €500: your ballot has a budget of its own."),
        (budget.Rules(vote_type="approval", rule="greedy-no-skip"),
         "At the first project that no longer fits, the count stops."),
        (budget.Rules(vote_type="approval", rule="greedy-threshold", threshold_votes=10),
         "A project needs at least 10 votes."),
    ],
)  # fmt: skip
def test_rules_are_said_in_words(rules: budget.Rules, sentence: str) -> None:
    assert sentence in rules_in_words(rules, 100_000, "EUR")


def test_rules_by_shares_and_their_limits_are_said_in_both_languages() -> None:
    rules = budget.Rules(
        vote_type="approval",
        rule="mes",
        completion="add1-greedy",
        ties="cheapest",
        least_turnout=20,
        least_votes=3,
        quotas=[budget.Quota(district="North", amount_cents=100_00)],
        alternatives=[budget.Alternatives(numbers=[3, 7])],
        fixed=[2],
    )
    for language, share in (("en", "shared out equally"), ("fr", "parts égales")):
        with speaking(language):
            said = " ".join(rules_in_words(rules, 500_00, "EUR"))
        assert share in said
        assert "North" in said
        assert "3, 7" in said
