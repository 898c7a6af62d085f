"""What an operator may set about the portal, read from PORTAL_* by bootstrap alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import Port, ServiceSettings

Address = Annotated[str, Field(pattern=r"^[^\s/]+:\d{1,5}$")]


class PortalSettings(ServiceSettings):
    """The settings of the web edge. Instances are frozen; secrets are files in `data_dir`."""

    model_config = SettingsConfigDict(
        env_prefix="PORTAL_", frozen=True, extra="ignore", populate_by_name=True
    )

    # The site neither listens to the bus nor believes tokens itself: services do.
    nats_url: str = Field("", description="Not used by the portal.")
    token_public_keys: Path = Field(Path(), description="Not used by the portal.")
    http_port: Port = Field(
        8080,
        validation_alias=AliasChoices("PORTAL_PORT", "PORTAL_HTTP_PORT"),
        description="TCP port that the site listens on (`PORTAL_PORT`); 0 takes a free one.",
    )
    identity_address: Address = Field(description="host:port of identity's gRPC.")
    consultation_address: Address = Field(description="host:port of consultation's gRPC.")
    budget_address: Address = Field(description="host:port of budget's gRPC.")
    reporting_address: Address | Literal[""] = Field(
        "", description="host:port of reporting's gRPC; without it there are no street reports."
    )
    notifications_address: Address | Literal[""] = Field(
        "", description="host:port of notifications' gRPC; without it nothing can be followed."
    )
    public_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^\s]+$",
        description="Where people reach the site; cookies are Secure when it begins with https.",
    )
    time_zone: str = Field("UTC", description="IANA zone in which people read and write dates.")
    language: Literal["en", "fr"] = Field(
        "en", description="Language of whoever chose none and whose browser asks for none we speak."
    )
    sign_in_tries_per_minute: int = Field(
        60, ge=1, le=10_000, description="Sign-ins and registrations a minute from one address."
    )
    anonymous_reports_per_minute: int = Field(
        6, ge=1, le=10_000, description="Reports a minute from one address without signing in."
    )
    what_ifs_per_minute: int = Field(
        30,
        ge=1,
        le=10_000,
        description="Questions `what if` about a result that one address may ask in a minute.",
    )
    dev_clock: bool = Field(
        False, description="Whether /dev/clock may set the city's clock; development only."
    )
    unit_metrics: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object: base URL of each service's HTTP port by its name: what serves "
        "its public log, its receipts and its figures.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        # An unknown zone is told at the start and not on a page.
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"this machine knows no time zone {name}") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which people read and write dates."""
        return ZoneInfo(self.time_zone)

    @property
    def is_https(self) -> bool:
        """Whether people reach the site over TLS."""
        return self.public_url.startswith("https://")

    @property
    def display_name(self) -> str:
        """The city's name as people read it."""
        return self.city.replace("_", " ").replace("-", " ").title()
