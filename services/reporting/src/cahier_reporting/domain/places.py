"""Places on the earth: exact points, the coarse cells that the public log names, and distances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cahier_kernel.errors import Invalid
from cahier_reporting.domain import rules

LAT_E7_MAX = 900_000_000
LON_E7_MAX = 1_800_000_000
EARTH_RADIUS_M = 6_371_008.8  # the mean radius of WGS 84 (IUGG)
_CELL_E7 = 100_000  # 0.01 degrees: about 1.1 km from south to north


@dataclass(frozen=True, slots=True)
class Position:
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


def require_place(position: Position | None, address: str) -> None:
    """A point, an address or both.

    Raises Invalid `place_required`, `position_out_of_range` or an address that breaks the rules.
    """
    rules.require_line(address, "address", chars_max=rules.ADDRESS_CHARS_MAX, required=False)
    if position is not None:
        require_position(position)
    elif not address.strip():
        raise Invalid("place_required", "a position, an address or both", field="position")


def distance_m(here: Position, there: Position) -> float:
    """Great-circle distance in metres by the haversine formula, exact to 0.6 % on the ellipsoid.

    For showing and sorting only: nothing is decided by it.
    """
    lat_1, lat_2 = _radians(here.lat_e7), _radians(there.lat_e7)
    half_lat = (lat_2 - lat_1) / 2
    half_lon = _radians(there.lon_e7 - here.lon_e7) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def _radians(e7: int) -> float:
    return math.radians(e7 / 10_000_000)
