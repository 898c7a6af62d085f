"""Public events in people's words: one sentence for what happened, made from the leaf alone.

Texts that may be erased are not in leaves, so none of them is in these sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cahier_portal.catalogue import knows, t, tn
from cahier_portal.formats import money, number
from cahier_portal.publiclog import Entry

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """What a leaf's words need that stands in other leaves.

    currency: of the election that it belongs to, or "": then no amount is told. numbers: of
    projects on the ballot, by their ids.
    """

    currency: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)


NOWHERE = Setting()


def setting_of(entries: Iterable[Entry], currency: str) -> Setting:
    """The setting of a thing's history."""
    added = [entry.data for entry in entries if entry.kind == "project_added"]
    return Setting(currency, {str(data["project"]): int(data["number"]) for data in added})


def sentence(entry: Entry, setting: Setting = NOWHERE) -> str:
    """What happened, in one sentence in the reader's language."""
    special = _SPECIAL.get(entry.kind)
    if special is not None:
        return special(entry.data, setting)
    key = f"event.{entry.kind}"
    return t(key) if knows(key) else t("event.unknown", type=entry.head.t)


def _proposal_answered(data: Data, _: Setting) -> str:
    return t("event.proposal_answered", state=t(f"proposal_state.{data['state']}"))


def _comment_added(data: Data, _: Setting) -> str:
    return t("event.comment_answered" if data.get("parent") else "event.comment_added")


def _election_created(data: Data, _: Setting) -> str:
    return t("event.election_created", amount=money(data["envelope_cents"], data["currency"]))


def _project_added(data: Data, _: Setting) -> str:
    return t("event.project_added", number=data["number"])


def _project_costed(data: Data, setting: Setting) -> str:
    cost = money(data["cost_cents"], setting.currency) if setting.currency else ""
    number_ = setting.numbers.get(str(data["project"]))
    if not cost or number_ is None:
        return t("event.project_costed_somehow")
    return t("event.project_costed", number=number_, amount=cost)


def _feasibility_judged(data: Data, setting: Setting) -> str:
    judged = t(f"feasibility.{data['feasibility']}")
    number_ = setting.numbers.get(str(data["project"]))
    if number_ is None:
        return t("event.feasibility_judged_somehow", feasibility=judged)
    return t("event.feasibility_judged", number=number_, feasibility=judged)


def _ballots_counted(data: Data, setting: Setting) -> str:
    result = data["result"]
    counted = tn("event.ballots_counted", result.get("ballots_counted", 0))
    winners = tn("event.projects_won", len(result.get("selected", ())))
    if not setting.currency:
        return f"{counted} {winners}"
    spent = money(result.get("spent_cents", 0), setting.currency)
    return f"{counted} {winners} {t('event.money_spent', amount=spent)}"


def _phase_entered(data: Data, _: Setting) -> str:
    key = "phase_entered_early" if data.get("early") else "phase_entered"
    return t(f"event.{key}", phase=t(f"phase.{data['phase']}"))


def _phase_reopened(data: Data, _: Setting) -> str:
    return t("event.phase_reopened", phase=t(f"phase.{data['phase']}"))


def _analysis_chosen(data: Data, _: Setting) -> str:
    return t(f"event.analysis_{data['analysis']}")


def _project_assessed(data: Data, setting: Setting) -> str:
    said = {"role": _role(data["role"]), "feasibility": t(f"feasibility.{data['feasibility']}")}
    if not setting.currency:
        return t("event.project_assessed_somehow", **said)
    amount = money(data["estimate_cents"], setting.currency)
    return t("event.project_assessed", amount=amount, **said)


def _running_cost_stated(data: Data, setting: Setting) -> str:
    if not setting.currency:
        return t("event.running_cost_stated_somehow")
    amount = money(data["running_cents"], setting.currency)
    return t("event.running_cost_stated", amount=amount)


def _change_proposed(data: Data, _: Setting) -> str:
    return t(f"event.change_proposed_{data['kind']}")


def _consent_noted(data: Data, _: Setting) -> str:
    return t(f"event.consent_{data['consent']}")


def _change_answered(data: Data, _: Setting) -> str:
    return t("event.change_answered_yes" if data.get("agrees") else "event.change_answered_no")


def _report_received(data: Data, _: Setting) -> str:
    return t("event.report_received", department=data["department"])


def _report_routed(data: Data, _: Setting) -> str:
    return t("event.report_routed", department=data["department"])


def _report_answered(data: Data, _: Setting) -> str:
    return t("event.report_answered", state=t(f"report_state.{data['state']}"))


def _report_closed(data: Data, _: Setting) -> str:
    return t("event.report_closed", state=t(f"report_state.{data['state']}"))


def _role_granted(data: Data, _: Setting) -> str:
    return t("event.role_granted", role=_role(data["role"]))


def _role_revoked(data: Data, _: Setting) -> str:
    return t("event.role_revoked", role=_role(data["role"]))


def _role(name: str) -> str:
    return t(f"role.{name}") if knows(f"role.{name}") else name


def _census_roll_loaded(data: Data, _: Setting) -> str:
    return tn("event.census_roll_loaded", data["rows"])


def _mailing_handed_over(data: Data, _: Setting) -> str:
    return tn("event.mailing_handed_over", data["mails"])


def _epoch_opened(data: Data, _: Setting) -> str:
    return t("event.epoch_opened", epoch=number(data["epoch"]))


_SPECIAL: dict[str, Callable[[Data, Setting], str]] = {
    "proposal_answered": _proposal_answered,
    "comment_added": _comment_added,
    "election_created": _election_created,
    "project_added": _project_added,
    "project_costed": _project_costed,
    "feasibility_judged": _feasibility_judged,
    "ballots_counted": _ballots_counted,
    "phase_entered": _phase_entered,
    "phase_reopened": _phase_reopened,
    "analysis_chosen": _analysis_chosen,
    "project_assessed": _project_assessed,
    "running_cost_stated": _running_cost_stated,
    "change_proposed": _change_proposed,
    "consent_noted": _consent_noted,
    "change_answered": _change_answered,
    "report_received": _report_received,
    "report_routed": _report_routed,
    "report_answered": _report_answered,
    "report_closed": _report_closed,
    "role_granted": _role_granted,
    "role_revoked": _role_revoked,
    "census_roll_loaded": _census_roll_loaded,
    "mailing_handed_over": _mailing_handed_over,
    "epoch_opened": _epoch_opened,
}
