"""BUDGET_*: the service's settings; read by bootstrap alone."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from cahier_chassis.settings import ServiceSettings


class BudgetSettings(ServiceSettings):
    """What every unit has; keys, events and views lie in `data_dir`."""

    model_config = SettingsConfigDict(env_prefix="BUDGET_", frozen=True, extra="ignore")

    opening_processes: int = Field(
        1, ge=0, le=16, description="Helper processes that open sealed ballots sent in batches."
    )

    @property
    def events_file(self) -> Path:
        """The event store."""
        return self.data_dir / "events.db"

    @property
    def photos_folder(self) -> Path:
        """Pictures of the works; the log holds their digests alone: back them up, too."""
        return self.data_dir / "photos"

    @property
    def explanations_folder(self) -> Path:
        """What was explained of counts; may be deleted at any time."""
        return self.data_dir / "explanations"

    @property
    def keys_folder(self) -> Path:
        """The trustee keys; must be backed up apart from the events."""
        return self.data_dir / "keys"
