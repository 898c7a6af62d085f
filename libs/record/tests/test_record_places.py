"""A place is disclosed exactly and named by its cell."""

from __future__ import annotations

import pytest

from cahier_kernel.errors import Invalid
from cahier_kernel.texts import ERASED
from cahier_record.places import Position, require_position


def test_a_cell_is_the_south_western_corner_in_hundredths_of_a_degree():
    assert Position(485_730_000, -16_750_000).cell == (4857, -168)
    assert Position(0, 0).cell == (0, 0)


def test_a_position_is_read_from_what_was_disclosed_and_from_nothing_else():
    point = Position(485_730_000, -16_750_000)
    assert Position.of_text(point.text()) == point
    assert Position.of_text("") is None
    assert Position.of_text(ERASED) is None


@pytest.mark.parametrize("point", [Position(900_000_001, 0), Position(0, -1_800_000_001)])
def test_what_is_not_on_the_map_is_refused(point: Position):
    with pytest.raises(Invalid, match="position_out_of_range"):
        require_position(point)
