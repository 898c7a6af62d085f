"""Settings: read from the environment alone, frozen, documented by their own class."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings, settings_page
from cahier_kernel.clock import FileClock, SystemClock


class EchoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ECHO_")

    mail_password: SecretStr = Field(description="Password of the mail server.")
    rows_max: int = Field(500, description="Most rows of an answer.")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    values = {
        "CITY": "demo",
        "DATA_DIR": str(tmp_path),
        "NATS_URL": "nats://127.0.0.1:4222",
        "TOKEN_PUBLIC_KEYS": str(tmp_path),
        "MAIL_PASSWORD": "hunter2",
    }
    for name, value in values.items():
        monkeypatch.setenv("ECHO_" + name, value)
    return monkeypatch


def test_settings_are_read_from_prefixed_variables(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ECHO_ROWS_MAX", "7")
    environment.setenv("ROWS_MAX", "9")
    settings = EchoSettings.from_environment()
    assert (settings.city, settings.rows_max, settings.grpc_port) == ("demo", 7, 0)


def test_settings_cannot_be_changed(environment: pytest.MonkeyPatch) -> None:
    settings = EchoSettings.from_environment()
    with pytest.raises(ValidationError):
        settings.city = "other"


def test_a_secret_does_not_show(environment: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in repr(EchoSettings.from_environment())


def test_a_secret_with_a_default_is_refused_when_its_class_is_made() -> None:
    with pytest.raises(TypeError, match="no default"):

        class Careless(ServiceSettings):
            password: SecretStr = SecretStr("changeme")

    class Optional(ServiceSettings):
        password: SecretStr | None = None


@pytest.mark.parametrize(
    ("name", "value"),
    [("CITY", "Down Town"), ("CITY", "a.b"), ("GRPC_PORT", "70000"), ("LOG_LEVEL", "loud")],
)
def test_bad_values_are_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv("ECHO_" + name, value)
    with pytest.raises(ValidationError):
        EchoSettings.from_environment()


def test_the_page_names_every_setting_with_its_variable_type_default_and_meaning() -> None:
    page = settings_page(EchoSettings)
    for name, field in EchoSettings.model_fields.items():
        assert f"| `ECHO_{name.upper()}` |" in page
        assert field.description, name
        assert field.description in page
    assert "| `ECHO_ROWS_MAX` | integer | `500` | Most rows of an answer. |" in page
    assert "| `ECHO_MAIL_PASSWORD` | secret | required |" in page
    assert "| `ECHO_CLOCK_FILE` | path | none |" in page


def test_the_clock_is_the_machines_unless_a_file_shifts_it(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert isinstance(EchoSettings.from_environment().clock(), SystemClock)
    environment.setenv("ECHO_CLOCK_FILE", str(tmp_path / "clock"))
    clock = EchoSettings.from_environment().clock()
    assert isinstance(clock, FileClock)
    clock.set(datetime(2030, 6, 1, tzinfo=UTC))
    assert clock.now().year == 2030
