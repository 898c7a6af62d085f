"""The data sets of a city: their columns and what each of them means.

Persons stand under the pseudonyms that the pages show; texts that were erased read so here too.
"""

from __future__ import annotations

from cahier_portal.opendata.tables import Column, DataSet

ID = Column("id", "id", "What it is known by everywhere, in the public log too.")
TITLE = Column("title", "text", "Its title.")
DESCRIPTION = Column("description", "text", "What it is about.")
CATEGORY = Column("category", "label", "Its category; may be empty.")
DISTRICT = Column("district", "label", "Its district; empty for the whole city.")
ELECTION = Column("election_id", "id", "The election that it belongs to.")
NUMBER = Column("number", "integer", "The project's number in its election; ballots name it by it.")

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
ELECTIONS = DataSet(
    "elections",
    "A vote on a participatory budget, newest first, with its rules.",
    (
        ID,
        Column("process_id", "id", "The process that its projects come from; may be empty."),
        TITLE,
        DESCRIPTION,
        Column("state", "label", "preparing, open, closed, counted or published."),
        Column("envelope_cents", "integer", "What may be spent, in cents."),
        Column("currency", "label", "ISO 4217 code of all its amounts."),
        Column("districts", "list", "Its districts; a district's blanks are kept in JSON only."),
        Column("opens_at", "instant", "When voting opens."),
        Column("closes_at", "instant", "When voting closes."),
        Column("voters", "integer", "How many people have voted."),
        Column("vote_type", "label", "What a ballot looks like, as Pabulib calls it."),
        Column("min_length", "integer", "How many projects a ballot names at least."),
        Column("max_length", "integer", "How many at most; 0 for any number."),
        Column("max_sum_cost_cents", "integer", "What a ballot's projects may cost; 0: anything."),
        Column("rule", "label", "The counting rule."),
        Column("utility", "label", "cost or cardinality, where the rule asks for it."),
        Column("completion", "label", "How equal shares are completed."),
        Column("stop", "label", "When raised endowments stop."),
        Column("ties", "label", "The order that breaks ties."),
        Column("threshold_votes", "integer", "The least votes of greedy-threshold."),
        Column("least_turnout", "integer", "Ballots without which nothing is funded."),
        Column("least_votes", "integer", "Votes without which a project is not funded."),
        Column("fixed", "list", "Numbers of projects that are funded before the count."),
    ),
)
PROJECTS = DataSet(
    "projects",
    "A project of an election, by election and number.",
    (
        ID,
        ELECTION,
        NUMBER,
        Column("reference", "label", "The city's own reference; may be empty."),
        Column("proposal_id", "id", "The proposal that it came from."),
        TITLE,
        CATEGORY,
        DISTRICT,
        Column("cost_cents", "integer", "What it costs, in cents; none while it is not costed."),
        Column("feasibility", "label", "undecided, feasible or unfeasible."),
        Column("unfeasibility_explanation", "text", "Why it cannot be built."),
    ),
)
RESULTS = DataSet(
    "results",
    "What became of a project in a published result, by election and number.",
    (
        ELECTION,
        NUMBER,
        Column("votes", "integer", "How many counted ballots name it."),
        Column("selected", "boolean", "Whether it is funded."),
        Column("place", "integer", "When it was selected, from 1; none where it was not."),
        Column("reason", "label", "Why it was selected or not, as the count says it."),
        Column("ballots_counted", "integer", "Ballots that count, in the whole election."),
        Column("ballots_invalid", "integer", "Ballots that do not."),
        Column("spent_cents", "integer", "What all funded projects cost, in cents."),
        Column("code_version", "label", "The version of the code that counted."),
        Column("log_size", "integer", "On how many leaves of budget's log the count rests."),
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
        Column("latitude_e7", "integer", "Degrees north, times 10,000,000; none without a point."),
        Column("longitude_e7", "integer", "Degrees east, times 10,000,000; none without a point."),
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
SETS = (PROCESSES, PROPOSALS, COMMENTS, ELECTIONS, PROJECTS, RESULTS, REPORTS, CATEGORIES)
"""Those of the whole city; ballots are a file an election."""
