"""A map without anybody's tiles: points on a plain grid, near ones gathered under one number.

It says where projects lie to one another and how far apart; the list beside it says the same in
words. Nothing is decided by these figures, so degrees may be floats here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

WIDTH, HEIGHT = 640, 480
MARGIN = 44
APART = 50
"""Markers nearer than this, in units of the picture, become one: a finger hits 24 pixels."""
METRES_A_DEGREE = 111_195.0  # of latitude, on a sphere of the earth's mean radius
_LEAST_METRES = 400.0
_BARS_M = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000)
_UNITS = 10_000_000

T = TypeVar("T")


@dataclass(frozen=True)
class Point(Generic[T]):
    """Something at a place, in ten-millionths of a degree (WGS 84)."""

    lat_e7: int
    lon_e7: int
    thing: T


@dataclass
class Marker(Generic[T]):
    """What the map draws at one spot: its number in reading order, and all that lies there."""

    x: int
    y: int
    number: int = 0
    things: list[T] = field(default_factory=list)


@dataclass(frozen=True)
class Map(Generic[T]):
    """Markers from north to south; `bar` is so many units wide for `bar_m` metres."""

    markers: list[Marker[T]]
    bar: int
    bar_m: int


def map_of(points: Sequence[Point[T]]) -> Map[T]:
    """The map of at least one point, scaled to hold them all.

    Equirectangular about the middle latitude, which no city is too large for. Points are gathered
    in their order, so the same points always give the same map.
    """
    middle_lat = (min(p.lat_e7 for p in points) + max(p.lat_e7 for p in points)) / 2 / _UNITS
    middle_lon = (min(p.lon_e7 for p in points) + max(p.lon_e7 for p in points)) / 2 / _UNITS
    narrow = max(0.01, math.cos(math.radians(middle_lat)))
    east = [(p.lon_e7 / _UNITS - middle_lon) * METRES_A_DEGREE * narrow for p in points]
    north = [(p.lat_e7 / _UNITS - middle_lat) * METRES_A_DEGREE for p in points]
    across = max(_LEAST_METRES, *(2 * abs(metres) for metres in (*east, 0.0)))
    up = max(_LEAST_METRES, *(2 * abs(metres) for metres in (*north, 0.0)))
    scale = min((WIDTH - 2 * MARGIN) / across, (HEIGHT - 2 * MARGIN) / up)
    markers: list[Marker[T]] = []
    for point, x_m, y_m in zip(points, east, north, strict=True):
        x, y = WIDTH // 2 + round(x_m * scale), HEIGHT // 2 - round(y_m * scale)
        _marker_at(markers, x, y).things.append(point.thing)
    markers.sort(key=lambda marker: (marker.y, marker.x))
    for number, marker in enumerate(markers, 1):
        marker.number = number
    bar_m = max((m for m in _BARS_M if m * scale <= WIDTH / 4), default=_BARS_M[0])
    return Map(markers, round(bar_m * scale), bar_m)


def _marker_at(markers: list[Marker[T]], x: int, y: int) -> Marker[T]:
    for marker in markers:
        if (marker.x - x) ** 2 + (marker.y - y) ** 2 < APART**2:
            return marker
    markers.append(Marker(x, y))
    return markers[-1]
