"""SSIM and edges on pictures whose answer is known."""

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain

from blockweight.errors import BlockweightError
from blockweight.measure import SSIM_WINDOW, edge_differences, structure_differences


def test_plain_greys_differ_in_structure_as_the_formula_says():
    # Without any spread only SSIM's first factor is left: (2ab + C1) / (a² + b² + C1), C1 = (0.01 · 255)².
    c1 = 2.55**2
    expected = 1 - (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert structure_differences(plain(100, 100, 100), plain(120, 120, 120)) == pytest.approx(
        np.full((32, 32), expected)
    )


def test_another_colour_of_the_same_luma_is_no_other_structure():
    picture, source = plain(100, 100, 100), plain(100, 100, 100)
    # 0.299 · 38 − 0.587 · 26 + 0.114 · 34 is −0.02 of a level.
    picture[4:20, 4:20] += np.array([38, 230, 34], np.uint8)
    assert structure_differences(picture, source).max() < 1e-4


def test_a_negative_is_more_than_unrelated_and_unrelated_is_about_1():
    picture = noise(1)
    assert structure_differences(255 - picture, picture).mean() > 1.5
    assert structure_differences(noise(2), picture).mean() == pytest.approx(1, abs=0.1)


def test_what_lies_beyond_the_window_is_not_felt():
    picture, source = noise(1), noise(1)
    picture[:, 20:] = 0
    assert (structure_differences(picture, source)[:, :15] == 0).all()
    assert (structure_differences(picture, source)[:, 15] > 0).any()


def test_the_smallest_pictures_are_as_large_as_the_window():
    small = plain(1, 1, 1, height=SSIM_WINDOW, width=SSIM_WINDOW)
    assert (structure_differences(small, small) == 0).all()
    with pytest.raises(BlockweightError, match=r"have 10×11 pixels.*windows of 11×11"):
        structure_differences(small[:, 1:], small[:, 1:])


def test_a_new_edge_is_as_high_as_its_step():
    picture, source = plain(0, 0, 0), plain(0, 0, 0)
    picture[left_half()] = 100
    edges = edge_differences(picture, source)
    # Sobel's step of 100 levels over two pixels, divided by √2 as scikit-image does.
    assert edges[10, 15:17] == pytest.approx([100 / np.sqrt(2)] * 2)
    assert np.delete(edges, [15, 16], axis=1).max() == 0


def test_a_tint_over_all_leaves_the_edges():
    source = noise(1) // 2
    assert edge_differences(source + np.uint8([20, 20, 20]), source).max() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("function", [structure_differences, edge_differences])
def test_pictures_of_other_sizes_are_refused(function):
    with pytest.raises(BlockweightError, match="differ in size"):
        function(plain(0, 0, 0), plain(0, 0, 0, width=16))
