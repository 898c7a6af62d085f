"""Reporting's settings, REPORTING_* in the environment; read by bootstrap alone."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """What a reporting unit needs to know."""

    model_config = SettingsConfigDict(env_prefix="REPORTING_")
