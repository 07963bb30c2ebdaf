"""Colour differences against the pairs that Sharma, Wu and Dalal published (2005), and against colours known by eye."""

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain

from blockweight.errors import BlockweightError
from blockweight.measure import colour_differences, colour_distance
from blockweight.measure.colour import lab

SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]
"""Pairs 1, 4, 11, 12, 17, 25 and 34 of their Table 1: L*, a*, b* of two colours, and their ΔE."""


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_the_formula_gives_the_published_differences(monkeypatch, one, other, expected):
    monkeypatch.setattr("blockweight.measure.colour.lab", np.asarray)
    assert colour_distance(np.array(one), np.array(other)) == pytest.approx(expected, abs=5e-5)


def test_black_and_white_are_100_apart():
    assert colour_distance(np.uint8([0, 0, 0]), np.uint8([255, 255, 255])) == pytest.approx(100, abs=1e-4)


def test_srgb_is_read_under_d65():
    # Pure red in CIELAB (D65, 2°) is 53.24, 80.09, 67.20, and a grey has no colour.
    assert lab(np.uint8([255, 0, 0])) == pytest.approx([53.24, 80.09, 67.20], abs=0.01)
    assert lab(np.uint8([128, 128, 128]))[1:] == pytest.approx([0, 0], abs=0.01)


def test_only_the_pixels_that_changed_differ():
    picture, source = noise(1), noise(1)
    picture[~left_half()] = 255 - picture[~left_half()]
    found = colour_differences(picture, source)
    assert found.shape == (32, 32)
    assert (found[left_half()] == 0).all()
    assert (found[~left_half()] > 0).all()


def test_pixels_are_compared_one_by_one():
    picture, source = noise(1), noise(2)
    assert colour_differences(picture, source)[3, 4] == pytest.approx(colour_distance(picture[3, 4], source[3, 4]))


def test_pictures_of_other_sizes_are_refused():
    with pytest.raises(BlockweightError, match="differ in size"):
        colour_differences(plain(0, 0, 0), plain(0, 0, 0, width=4))
