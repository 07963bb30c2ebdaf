"""Layout: what stays when a picture is looked at in eight cells."""

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain

from blockweight.errors import BlockweightError
from blockweight.measure import layout_difference


def test_a_picture_that_is_lighter_by_10_levels_differs_by_10():
    assert layout_difference(plain(60, 60, 60), plain(50, 50, 50)) == pytest.approx(10)


def test_half_a_picture_that_is_lighter_counts_half():
    picture = plain(50, 50, 50)
    picture[left_half()] = 70
    assert layout_difference(picture, plain(50, 50, 50)) == pytest.approx(10)


def test_what_moves_within_a_cell_is_no_layout_and_what_moves_a_cell_is():
    def dot(at):
        picture = plain(0, 0, 0, height=64, width=64)
        picture[9:11, at : at + 2] = 255
        return picture

    assert layout_difference(dot(9), dot(13)) == pytest.approx(0)
    assert layout_difference(dot(9), dot(17)) == pytest.approx(2 * 4 * 255 / 64**2)


def test_cells_are_an_eighth_of_the_shorter_side_on_any_size():
    # A checkerboard of cells turned into its negative: all cells change by 255; twice as fine a one is grey in each.
    def board(cell, height, width):
        rows, columns = np.indices((height, width)) // cell
        return np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)

    for height, width in ((64, 64), (64, 128)):
        assert layout_difference(board(8, height, width), 255 - board(8, height, width)) == pytest.approx(255)
        assert layout_difference(board(4, height, width), 255 - board(4, height, width)) == pytest.approx(0)


def test_nothing_outside_the_mask_is_felt():
    picture, source = noise(1, 30, 41), noise(1, 30, 41)
    mask = left_half(30, 41)
    picture[~mask] = 0
    assert layout_difference(picture, source, mask) == 0
    assert layout_difference(picture, source, ~mask) > 0


def test_the_whole_is_never_more_than_its_regions_together():
    # Within a cell that the mask cuts, the two may cancel each other.
    picture, source, mask = noise(1), noise(2), noise(3)[..., 0] > 100
    parts = [layout_difference(picture, source, part) * part.mean() for part in (mask, ~mask)]
    assert layout_difference(picture, source) <= sum(parts) + 1e-9


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (7, 300)])
def test_pictures_smaller_than_eight_cells_are_compared_all_the_same(height, width):
    lighter, darker = (plain(*[level] * 3, height=height, width=width) for level in (9, 4))
    assert layout_difference(lighter, darker) == pytest.approx(5)


def test_an_empty_mask_and_other_sizes_are_refused():
    with pytest.raises(BlockweightError, match="mask is empty"):
        layout_difference(noise(1), noise(2), np.zeros((32, 32), bool))
    with pytest.raises(BlockweightError, match="differ in size"):
        layout_difference(noise(1), noise(2, 32, 33))
