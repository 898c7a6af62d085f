"""gRPC: explanations, what-ifs and own shares, each read, asked and written in one place."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import asdict

from cahier_budget.application.explaining import Explaining
from cahier_budget.application.own_shares import BallotShare, OwnShares
from cahier_budget.entrypoints import translate
from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import explaining_pb2 as own
from cahier_kernel.errors import Invalid
from cahier_record.budget.explanation import DistrictServed, Explanation
from cahier_record.budget.tally import Completion, Utility
from cahier_record.budget.what_if import CHANGES_MAX, Change, OtherOutcome, OtherWay

UTILITIES = ("cost", "cardinality")
COMPLETIONS = ("none", "greedy", "add1", "add1-greedy")


class ExplainingGrpc:
    """The methods of BudgetService that explain a result."""

    _explaining: Explaining
    _shares: OwnShares

    async def ExplainResult(
        self, request: pb.ExplainResultRequest, context: Any
    ) -> pb.ExplainResultResponse:
        found = await self._explaining.result(current_claims_or_none(), request.election_id)
        return write_explanation(found, request.election_id)

    async def WhatIf(self, request: own.WhatIfRequest, context: Any) -> own.WhatIfResponse:
        change = read_change(request)
        claims = current_claims_or_none()
        return write_outcome(await self._explaining.what_if(claims, request.election_id, change))

    async def GetOwnShare(
        self, request: own.GetOwnShareRequest, context: Any
    ) -> own.GetOwnShareResponse:
        voter = translate.read_voter(current_claims())
        found = await self._shares.of(voter, request.election_id, request.credential)
        return write_share(found)


def read_change(request: own.WhatIfRequest) -> Change:
    """Raises Invalid `way_invalid`, `changes_too_many` or `change_repeated`."""
    if len(request.costs) > CHANGES_MAX:
        rule = f"at most {CHANGES_MAX} costs"
        raise Invalid("changes_too_many", rule, field="costs", max=CHANGES_MAX)
    costs = {each.number: each.cost_cents for each in request.costs}
    if len(costs) < len(request.costs):
        raise Invalid("change_repeated", "a project's cost is changed once", field="costs")
    return Change(
        envelope_cents=request.envelope_cents if request.HasField("envelope_cents") else None,
        way=_read_way(request.way) if request.HasField("way") else None,
        costs_cents=dict(sorted(costs.items())),  # Equal questions look alike.
    )


def _read_way(message: own.OtherWay) -> OtherWay:
    utility, completion = message.utility or "cost", message.completion or "none"
    if utility not in UTILITIES or completion not in COMPLETIONS:
        raise Invalid("way_invalid", "a utility and a completion that rules know", field="way")
    return OtherWay(
        rule=message.rule,
        utility=cast(Utility, utility),
        completion=cast(Completion, completion),
    )


def write_explanation(explained: Explanation, election_id: str) -> pb.ExplainResultResponse:
    return pb.ExplainResultResponse(
        election_id=election_id,
        projects=[pb.ProjectExplanation(**asdict(each)) for each in explained.projects],
        satisfaction=pb.Satisfaction(**asdict(explained.satisfaction)),
        alternatives=[
            pb.Alternative(
                **{**asdict(each), "satisfaction": pb.Satisfaction(**asdict(each.satisfaction))}
            )
            for each in explained.alternatives
        ],
        rounds=[pb.PurchaseRound(**asdict(each)) for each in explained.rounds],
        share_cents=explained.share_cents,
        districts=map(_write_district, explained.districts),
    )


def _write_district(each: DistrictServed) -> own.DistrictServed:
    satisfied = own.Satisfied(**asdict(each.satisfaction))
    return own.DistrictServed(**{**asdict(each), "satisfaction": satisfied})


def write_outcome(outcome: OtherOutcome) -> own.WhatIfResponse:
    return own.WhatIfResponse(
        way=own.OtherWay(rule=outcome.rule, utility=outcome.utility, completion=outcome.completion),
        envelope_cents=outcome.envelope_cents,
        spent_cents=outcome.spent_cents,
        selected=outcome.selected,
        fates=[own.OtherFate(**asdict(each)) for each in outcome.fates],
        satisfaction=own.Satisfied(**asdict(outcome.satisfaction)),
        more=outcome.more,
        less=outcome.less,
    )


def write_share(found: BallotShare) -> own.GetOwnShareResponse:
    share = found.share
    return own.GetOwnShareResponse(
        event_id=found.event_id,
        choices=share.choices,
        paid=[own.ProjectPaid(**asdict(each)) for each in share.paid],
        total_cents=share.total_cents,
        held_cents=share.held_cents,
        left_cents=share.left_cents,
        refused=found.refused,
    )
