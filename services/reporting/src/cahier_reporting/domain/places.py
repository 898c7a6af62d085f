"""What a report needs of places beside points and cells: one of them at least, and distances."""

from __future__ import annotations

import math

from cahier_kernel.errors import Invalid
from cahier_record.places import Position, require_position
from cahier_reporting.domain import rules

EARTH_RADIUS_M = 6_371_008.8  # the mean radius of WGS 84 (IUGG)


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
