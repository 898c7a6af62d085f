"""Points on the earth as the logs tell them: the exact one disclosed apart, its cell in the leaf.

The cell of a grid of 0.01 degrees (about 1.1 km from south to north) says where something is, and
not at whose door.
"""

from __future__ import annotations

import msgspec

from cahier_kernel.errors import Invalid

LAT_E7_MAX = 900_000_000
LON_E7_MAX = 1_800_000_000
_CELL_E7 = 100_000


class Position(msgspec.Struct, frozen=True):
    """A point in WGS 84, in units of 1e-7 degrees (about 11 mm)."""

    lat_e7: int
    lon_e7: int

    @property
    def cell(self) -> tuple[int, int]:
        """The south-western corner of the cell that holds it, in hundredths of a degree."""
        return self.lat_e7 // _CELL_E7, self.lon_e7 // _CELL_E7

    def text(self) -> str:
        """As it is disclosed and stored: `latitude,longitude` in units of 1e-7 degrees."""
        return f"{self.lat_e7},{self.lon_e7}"

    @classmethod
    def of_text(cls, text: str) -> Position | None:
        """What `text` says; None for no position and for one that was erased."""
        lat_e7, comma, lon_e7 = text.partition(",")
        return cls(int(lat_e7), int(lon_e7)) if comma else None


def require_position(position: Position) -> Position:
    """Raises Invalid `position_out_of_range`."""
    if abs(position.lat_e7) > LAT_E7_MAX or abs(position.lon_e7) > LON_E7_MAX:
        raise Invalid(
            "position_out_of_range",
            "latitudes lie between -90 and 90 degrees, longitudes between -180 and 180",
            field="position",
        )
    return position
