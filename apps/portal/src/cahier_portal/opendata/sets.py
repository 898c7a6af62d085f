"""The data sets of a city: their columns and what each of them means.

Persons stand under the pseudonyms that the pages show; texts that were erased read so here too.
"""

from __future__ import annotations

from cahier_portal.opendata.budget_sets import BUDGET_SETS
from cahier_portal.opendata.columns import (
    CATEGORY,
    DESCRIPTION,
    DISTRICT,
    ID,
    LATITUDE,
    LONGITUDE,
    TITLE,
)
from cahier_portal.opendata.tables import Column, DataSet

PROCESSES = DataSet(
    "processes",
    "A participatory process, newest first.",
    (
        ID,
        TITLE,
        DESCRIPTION,
        Column("idea_phase", "label", "planned, open or closed."),
        Column("opens_at", "instant", "When proposals are taken from."),
        Column("closes_at", "instant", "When proposals are taken until."),
        Column("proposals", "integer", "How many proposals it has."),
    ),
)
PROPOSALS = DataSet(
    "proposals",
    "A resident's proposal, withdrawn ones too, by process and time.",
    (
        ID,
        Column("process_id", "id", "The process that it belongs to."),
        TITLE,
        Column("body", "text", "What it says."),
        CATEGORY,
        DISTRICT,
        Column("author", "id", "Pseudonym of its author, for this proposal alone."),
        Column("submitted_at", "instant", "When it was submitted."),
        Column("state", "label", "not_answered, evaluating, accepted or rejected."),
        Column("answer", "text", "The city's answer; empty while there is none."),
        Column("answered_at", "instant", "When the city answered."),
        Column("withdrawn", "boolean", "Whether its author has withdrawn it."),
        Column("supports", "integer", "How many people support it."),
        Column("comments", "integer", "How many comments it has."),
        LATITUDE,
        LONGITUDE,
    ),
)
COMMENTS = DataSet(
    "comments",
    "A comment on a proposal, by proposal and time.",
    (
        ID,
        Column("proposal_id", "id", "The proposal that it is about."),
        Column("parent_id", "id", "The comment that it answers; empty for none."),
        Column("author", "id", "Pseudonym of its author, for this proposal alone."),
        Column("body", "text", "What it says."),
        Column("added_at", "instant", "When it was said."),
    ),
)
REPORTS = DataSet(
    "reports",
    "A street report, newest first.",
    (
        ID,
        CATEGORY,
        Column("category_label", "label", "The category's name for people."),
        Column("department", "label", "The department that looks after it."),
        Column("state", "label", "Where it stands."),
        Column("closed", "boolean", "Whether it is closed."),
        LATITUDE,
        LONGITUDE,
        Column("address", "text", "Where it is, in words."),
        Column("description", "text", "What the problem is."),
        Column("received_at", "instant", "When it was reported."),
        Column("answer_by", "instant", "By when the city promised an answer."),
        Column("promise_missed", "boolean", "Whether that passed without one."),
        Column("answer", "text", "The city's last answer."),
        Column("answered_at", "instant", "When the city last answered."),
        Column("duplicate_of", "id", "The report that it repeats."),
        Column("reporter", "id", "Pseudonym of who reported it, for this report alone."),
    ),
)
CATEGORIES = DataSet(
    "report_categories",
    "A kind of street report, by label.",
    (
        Column("code", "label", "Its name for programs."),
        Column("label", "label", "Its name for people."),
        Column("department", "label", "The department that looks after it first."),
        Column("promise_days", "integer", "Within how many days an answer is promised; 0: none."),
        Column("anonymous", "boolean", "Whether it may be reported without signing in."),
    ),
)
BALLOTS = DataSet(
    "ballots",
    "A ballot that counts, in a closed election; without a time.",
    (
        Column("ballot", "id", "The pseudonym it was cast under, or an imported voter's number."),
        Column("projects", "list", "References (else numbers) of the projects, as the voter's."),
        Column("points", "list", "Points of each of them, where ballots have points."),
    ),
)
SETS = (PROCESSES, PROPOSALS, COMMENTS, *BUDGET_SETS, REPORTS, CATEGORIES)
"""Those of the whole city; ballots are a file an election."""
