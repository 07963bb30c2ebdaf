"""The sizes of a hires pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import Hires, HiresSize, hires_size, picture_size


@pytest.mark.parametrize(
    ("size", "hires", "wanted"),
    [
        ((512, 512), Hires(scale=1.5), HiresSize(768, 768, 0, 0)),
        ((512, 768), Hires(scale=1.3), HiresSize(665, 998, 0, 0)),
        ((512, 768), Hires(width=1024), HiresSize(1024, 1536, 0, 0)),
        ((512, 768), Hires(height=960), HiresSize(640, 960, 0, 0)),
        ((512, 512), Hires(width=1024, height=768), HiresSize(1024, 1024, 0, 32)),
        ((512, 512), Hires(width=768, height=1024), HiresSize(1024, 1024, 32, 0)),
        ((768, 512), Hires(width=1536, height=1024), HiresSize(1536, 1024, 0, 0)),
        ((512, 768), Hires(width=1000, height=1000), HiresSize(1000, 1500, 0, 62)),
    ],
)
def test_a_picture_is_enlarged_until_it_covers_the_size(size, hires, wanted):
    assert hires_size(*size, hires) == wanted


def test_the_finished_picture_has_whole_latents():
    assert picture_size(512, 768, None) == (512, 768)
    assert picture_size(512, 768, Hires(scale=1.3)) == (664, 992)
    assert picture_size(512, 512, Hires(width=1024, height=768)) == (1024, 768)


SIDES = st.integers(64, 2048)


@given(SIDES, SIDES, SIDES, SIDES)
def test_sides_that_are_given_are_met_to_the_latent(width, height, wide, high):
    found = picture_size(width, height, Hires(width=wide, height=high))
    assert all(0 <= side - wanted // 8 * 8 <= 8 for side, wanted in zip(found, (wide, high), strict=True))
