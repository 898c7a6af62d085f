"""The map of projects: to scale, north up, near points under one number, always the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_portal.maps import APART, HEIGHT, MARGIN, WIDTH, Point, map_of

EAST = st.integers(14_000_000, 14_900_000)
NORTH = st.integers(435_000_000, 436_600_000)


def test_one_point_stands_in_the_middle_with_a_scale() -> None:
    made = map_of([Point(436_000_000, 14_400_000, "a")])
    (marker,) = made.markers
    assert (marker.x, marker.y, marker.number, marker.things) == (WIDTH // 2, HEIGHT // 2, 1, ["a"])
    assert made.bar > 0


def test_north_is_up_and_east_is_right() -> None:
    made = map_of([Point(436_000_000, 14_000_000, "sw"), Point(436_200_000, 14_400_000, "ne")])
    by_thing = {marker.things[0]: marker for marker in made.markers}
    assert by_thing["ne"].y < by_thing["sw"].y
    assert by_thing["ne"].x > by_thing["sw"].x
    assert by_thing["ne"].number == 1


def test_a_degree_east_is_shorter_away_from_the_equator() -> None:
    def width(lat_e7: int) -> int:
        made = map_of([Point(lat_e7, 0, "a"), Point(lat_e7 + 200_000, 200_000, "b")])
        xs = [marker.x for marker in made.markers]
        return max(xs) - min(xs)

    assert width(600_000_000) < width(0)


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    # A kilometre of latitude is some 89,932 ten-millionths of a degree.
    made = map_of([Point(0, 0, "a"), Point(89_932, 0, "b")])
    ys = [marker.y for marker in made.markers]
    assert abs((max(ys) - min(ys)) * made.bar_m / made.bar - 1_000) < 15


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NORTH, EAST), min_size=1, max_size=40))
def test_every_point_is_on_the_map_once_and_markers_keep_their_distance(
    places: list[tuple[int, int]],
) -> None:
    points = [Point(lat, lon, number) for number, (lat, lon) in enumerate(places)]
    made = map_of(points)
    held = [thing for marker in made.markers for thing in marker.things]
    assert sorted(held) == list(range(len(points)))
    assert [marker.number for marker in made.markers] == list(range(1, len(made.markers) + 1))
    for place, marker in enumerate(made.markers):
        assert MARGIN - 1 <= marker.x <= WIDTH - MARGIN + 1
        assert MARGIN - 1 <= marker.y <= HEIGHT - MARGIN + 1
        for other in made.markers[:place]:
            assert (marker.x - other.x) ** 2 + (marker.y - other.y) ** 2 >= APART**2
    assert map_of(points) == made
