"""Notifications' settings, NOTIFICATIONS_* in the environment; read by bootstrap alone."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """What a notifications unit needs to know."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_")

    portal_url: str = Field(
        "http://127.0.0.1:8080",
        pattern="^https?://",
        description="Where the city's pages are; mails link there.",
    )
    sender: str | None = Field(
        None,
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="Address that mails come from; without it no-reply@<city>.cahier.localhost.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server: smtp://, smtp+starttls:// or smtps://[user:password@]host[:port]."
        " Without it mails wait, unless they are captured.",
    )
    smtp_timeout_s: int = Field(
        20, ge=1, le=300, description="Longest wait for one step of a hand-over, in seconds."
    )
    smtp_connections: int = Field(
        8, ge=1, le=32, description="Most connections to the mail server at a time."
    )
    capture: bool = Field(
        False,
        description="Development only: without a mail server, take all mails in here, where"
        " anybody who reaches the service can read them.",
    )
