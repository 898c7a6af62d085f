"""Identity's settings: IDENTITY_*, read by bootstrap alone."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """What identity is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    token_private_key: Path | None = Field(
        None,
        description="PEM file of the Ed25519 key that tokens are signed with; without it "
        "`DATA_DIR/keys/token.pem`, made at the first start.",
    )
