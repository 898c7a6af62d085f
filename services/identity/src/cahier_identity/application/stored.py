"""Topics of the private events that are no aggregate's: the census roll's."""

from __future__ import annotations

from cahier_chassis.erasing import register_erasing
from cahier_identity.domain.census import RollLoaded, RowsListed
from cahier_identity.domain.retention import RetentionOver
from cahier_ledger.codec import Codec

ROWS_LISTED = "identity.census_roll.rows_listed"
RETENTION_OVER = "identity.erasure.retention_over"
ROLL_LOADED = "identity.census_roll.loaded"

CODEC = Codec()
register_erasing(CODEC, "identity")
CODEC.register(RETENTION_OVER, RetentionOver)
ROWS = CODEC.register(ROWS_LISTED, RowsListed)
CODEC.register(ROLL_LOADED, RollLoaded)
