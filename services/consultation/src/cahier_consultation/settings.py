"""Consultation's settings, CONSULTATION_* in the environment; read by bootstrap alone."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings


class ConsultationSettings(ServiceSettings):
    """What a consultation unit needs to know."""

    model_config = SettingsConfigDict(env_prefix="CONSULTATION_")
