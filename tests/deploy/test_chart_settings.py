"""The chart's environment, read by the settings of the units themselves."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from pydantic import AliasChoices, SecretStr

from cahier_chassis.settings import ServiceSettings

UNITS = ("identity", "consultation", "reporting", "budget", "notifications", "portal")
SECRETS = {
    "_LOG_LOCK": "postgresql://lock:secret@other/locks",
    "_STORE_DSN": "postgresql://city:secret@db/city",
    "_SMTP_URL": "smtp://mail:secret@mail.example:587",
    "_NATS_URL": "nats://city:secret@bus:4222",
}


def settings_of(unit: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"cahier_{unit}.settings")
    found: type[ServiceSettings] = getattr(module, f"{unit.title()}Settings")
    return found


def containers_of(rendered: Any, unit: str) -> list[dict[str, Any]]:
    return [
        container
        for labels, spec in rendered.pods()
        for container in spec["containers"]
        if labels["app.kubernetes.io/component"] == unit
    ]


def variable_of(variable: dict[str, Any]) -> str:
    if "value" in variable:
        return str(variable["value"])
    (value,) = [text for end, text in SECRETS.items() if variable["name"].endswith(end)]
    return value


def known_variables(settings: type[ServiceSettings]) -> set[str]:
    known = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        named = alias.choices if isinstance(alias, AliasChoices) else [settings.variable(name)]
        known |= {str(each) for each in named}
    return known


@pytest.mark.parametrize("unit", UNITS)
def test_units_can_read_what_the_chart_sets(
    rendered: Any, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container, *_) = containers_of(rendered, unit)
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable_of(variable))
    settings = settings_of(unit).from_environment()
    assert settings.host == "0.0.0.0"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert settings.http_port == ports["http"]
    assert unit == "portal" or settings.grpc_port == ports["grpc"]


@pytest.mark.parametrize("unit", UNITS)
def test_the_chart_sets_nothing_that_a_unit_does_not_know(rendered: Any, unit: str) -> None:
    # Units ignore variables that they do not know, so that a misspelled one would pass in silence.
    known = known_variables(settings_of(unit))
    # The site is told of every service, also of those that it has no pages for yet.
    told = {f"PORTAL_{service.upper()}_ADDRESS" for service in UNITS} if unit == "portal" else set()
    for container in containers_of(rendered, unit):
        assert {variable["name"] for variable in container["env"]} <= known | told


@pytest.mark.parametrize("unit", UNITS)
def test_secrets_reach_units_from_secrets(production: Any, unit: str) -> None:
    fields = settings_of(unit).model_fields
    secrets = {
        settings_of(unit).variable(name)
        for name, field in fields.items()
        if SecretStr in getattr(field.annotation, "__args__", (field.annotation,))
    }
    for container in containers_of(production, unit):
        for variable in container["env"]:
            assert variable["name"] not in secrets or "valueFrom" in variable
