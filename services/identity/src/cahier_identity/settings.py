"""Identity's settings: IDENTITY_*, read by bootstrap alone."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
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
    key_encryption_key: SecretStr | None = Field(
        None,
        description="32 bytes in base64url that persons' keys are wrapped with; after a change the "
        "older ones follow, separated by commas.",
    )
    key_encryption_key_file: Path | None = Field(
        None,
        description="File of 32 bytes that does the same, where no key is given; without it "
        "`DATA_DIR/keys/key-encryption.key`, made at the first start. Keep it elsewhere than the "
        "data in production.",
    )
    keep_census_row_days: int = Field(
        365,
        ge=0,
        description="How long a proved census row stays taken after its person was forgotten, so "
        "that nobody votes twice.",
    )
