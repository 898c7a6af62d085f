"""How the rows on participatory budgets are read, from the call for projects to the result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_portal.costs import Costs
from cahier_portal.formats import difference_percent
from cahier_portal.opendata import budget_sets as sets
from cahier_portal.opendata.delivery_reading import DELIVERY_READERS
from cahier_portal.opendata.source import Rows, Source, all_found, listed_elections, name_of, when
from cahier_portal.opendata.tables import Row


async def _elections(source: Source) -> AsyncIterator[Row]:
    for one in await listed_elections(source):
        rules, told = one.rules, await _life(source, one.election_id)
        yield (
            one.election_id,
            one.process_id,
            one.title,
            one.description,
            name_of(budget.ElectionState, one.state, "ELECTION_STATE_"),
            one.envelope_cents,
            one.currency,
            list(one.districts),
            when(one, "opens_at"),
            when(one, "closes_at"),
            one.ballots,
            rules.vote_type,
            rules.min_length,
            rules.max_length,
            rules.max_sum_cost_cents,
            rules.rule,
            rules.utility,
            rules.completion,
            rules.stop,
            rules.ties,
            rules.threshold_votes,
            rules.least_turnout,
            rules.least_votes,
            list(rules.fixed),
            *_more_rules(rules),
            told.analysis,
            told.phase,
        )


def _more_rules(rules: budget.Rules) -> Row:
    """Its bounds on money, and what it says of points."""
    return (
        [f"{each.amount_cents}:{each.district}" for each in rules.quotas],
        ["|".join(map(str, each.numbers)) for each in rules.alternatives],
        rules.point_decimals,
        rules.max_points,
        rules.min_points,
        rules.max_sum_points,
        rules.min_sum_points,
        list(rules.positions),
        rules.default_points,
        list(rules.proportion),
        list(rules.credits_cents),
    )


async def _life(source: Source, election_id: str) -> life.GetElectionLifeResponse:
    asked = life.GetElectionLifeRequest(election_id=election_id)
    found: life.GetElectionLifeResponse = await source.ask("budget", asked)
    return found


async def _phases(source: Source) -> AsyncIterator[Row]:
    for election in await listed_elections(source):
        told = await _life(source, election.election_id)
        for one in told.phases:
            again = [each for each in told.reopenings if each.phase == one.phase]
            yield (
                election.election_id,
                one.phase,
                when(one, "starts_at"),
                when(one, "entered_at"),
                one.phase == told.phase,
                len(again),
                again[-1].reason if again else "",
            )


async def _listed_projects(source: Source, election_id: str) -> Sequence[budget.Project]:
    asked = budget.ListProjectsRequest(election_id=election_id)
    found: Sequence[budget.Project] = (await source.ask("budget", asked)).projects
    return found


async def _projects(source: Source) -> AsyncIterator[Row]:
    for election in await listed_elections(source):
        listed = await _listed_projects(source, election.election_id)
        words = await source.texts.of((each.proposal_id for each in listed), election.process_id)
        for one in listed:
            known = words.get(one.proposal_id)
            yield (
                one.project_id,
                one.election_id,
                one.number,
                one.reference,
                one.proposal_id,
                one.title or (known.title if known else ""),
                one.category,
                one.district,
                one.cost_cents if one.costed else None,
                name_of(budget.Feasibility, one.feasibility, "FEASIBILITY_"),
                one.unfeasibility_explanation,
                one.running_cost_cents or None,
                list(one.instalments_cents),
            )


async def _cost_stages(source: Source) -> AsyncIterator[Row]:
    for election in await listed_elections(source):
        costs = await source.costs.of_election(election.election_id)
        for one in await _listed_projects(source, election.election_id):
            for stage in costs.get(one.project_id, Costs()).stages:
                yield (
                    one.project_id,
                    election.election_id,
                    one.number,
                    stage.stage,
                    stage.cents,
                    stage.by,
                    stage.at,
                    stage.event,
                    stage.items or None,
                    difference_percent(stage.per_mille),
                    stage.is_final,
                )


async def _assessments(source: Source) -> AsyncIterator[Row]:
    async def told_of(project_id: str) -> life.GetProjectResponse:
        asked = life.GetProjectRequest(project_id=project_id)
        found: life.GetProjectResponse = await source.ask("budget", asked)
        return found

    for election in await listed_elections(source):
        if (await _life(source, election.election_id)).analysis != "three":
            continue
        listed = await _listed_projects(source, election.election_id)
        numbers = {each.project_id: each.number for each in listed}
        for project in await all_found([each.project_id for each in listed], told_of):
            number = numbers[project.project_id]
            for one in project.assessments:
                yield (
                    project.project_id,
                    election.election_id,
                    number,
                    one.role,
                    one.feasibility,
                    one.estimate_cents,
                    one.running_cost_cents,
                    one.grounds,
                    when(one, "assessed_at"),
                    one.assessor,
                )


async def _lineage(source: Source) -> AsyncIterator[Row]:
    for election in await listed_elections(source):
        for one in (await _life(source, election.election_id)).changes:
            yield (
                one.change_id,
                election.election_id,
                one.kind,
                one.state,
                list(one.project_ids),
                list(one.made_project_ids),
                [f"{each.proposal_id}:{each.consent or 'missing'}" for each in one.consents],
                one.reason,
                when(one, "proposed_at"),
            )


async def _results(source: Source) -> AsyncIterator[Row]:
    for election in await listed_elections(source):
        if election.state != budget.ELECTION_STATE_PUBLISHED:
            continue
        asked = budget.GetResultRequest(election_id=election.election_id)
        result = await source.ask("budget", asked)
        places = {number: place for place, number in enumerate(result.selected, 1)}
        for one in result.outcomes:
            yield (
                election.election_id,
                one.number,
                one.votes,
                one.score,
                one.selected,
                places.get(one.number),
                one.reason,
                result.ballots_counted,
                result.ballots_invalid,
                result.spent_cents,
                result.code_version,
                result.log_size,
            )


BUDGET_READERS: dict[str, Rows] = {
    sets.ELECTIONS.name: _elections,
    sets.PHASES.name: _phases,
    sets.PROJECTS.name: _projects,
    sets.COST_STAGES.name: _cost_stages,
    sets.ASSESSMENTS.name: _assessments,
    sets.LINEAGE.name: _lineage,
    sets.RESULTS.name: _results,
    **DELIVERY_READERS,
}
