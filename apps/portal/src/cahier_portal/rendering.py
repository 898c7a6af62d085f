"""Templates to HTML: one Jinja environment with the catalogue and the formats in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cahier_kernel.clock import from_rfc3339
from cahier_kernel.texts import ERASED
from cahier_portal import formats, pictures, rule_words, wording
from cahier_portal.catalogue import LANGUAGES, language, t, tn
from cahier_portal.places import position_text

_FOLDER = Path(__file__).parent / "templates"


class Renderer:
    """Renders templates for one city. A missing name is an error, never an empty place."""

    def __init__(self, city: str, zone: ZoneInfo, version: str) -> None:
        self.version = version
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=in_words,
        )
        self._environment.globals.update(
            t=t, tn=tn, city=city, languages=LANGUAGES, version=version, pictures=pictures
        )
        self._environment.globals.update(_wordings())
        self._environment.filters.update(_filters(zone))

    def render(self, template: str, **context: Any) -> str:
        """The HTML of a template; raises jinja2 errors, which are ours to fix."""
        return self._environment.get_template(template).render(locale=language(), **context)


def in_words(value: Any) -> Any:
    """What a template prints: a text that was erased says so in the reader's language."""
    return t("word.erased") if value == ERASED else value


def _filters(zone: ZoneInfo) -> Mapping[str, Any]:
    return {
        "money": formats.money,
        "number": formats.number,
        "points": formats.points,
        "difference": formats.difference,
        "share": formats.share,
        "instant": formats.instant,
        "rfc3339": from_rfc3339,
        "moment": partial(formats.time_tag, zone=zone),
        "day": partial(formats.time_tag, zone=zone, with_time=False),
        "deadline": partial(formats.deadline_tag, zone=zone),
        "last_day": partial(formats.deadline_tag, zone=zone, with_time=False),
        "plain_moment": partial(formats.day_and_time, zone=zone),
        "date": formats.plain_day,
        "exact": partial(formats.exact, zone=zone),
        "ends": partial(formats.ends, zone=zone),
        "paragraphs": formats.paragraphs,
        "pseudonym": formats.pseudonym,
        "position": position_text,
        "duration": formats.duration,
        "rate": formats.rate,
        "span": formats.span,
    }


def _wordings() -> Mapping[str, Any]:
    names = (
        "idea_phase",
        "proposal_state",
        "election_state",
        "feasibility",
        "report_state",
        "update_kind",
        "word",
        "rule_name",
    )
    return {
        **{name: getattr(wording, name) for name in names},
        "rules_in_words": rule_words.rules_in_words,
        "voting_in_words": rule_words.voting_in_words,
        "weighs": rule_words.weighs,
        "erased": ERASED,
    }
