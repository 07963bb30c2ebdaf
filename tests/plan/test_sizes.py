"""Which sizes a model draws."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import check_sides


def test_multiples_can_be_drawn():
    check_sides(512, 768, 64)


@pytest.mark.parametrize(
    ("width", "height", "near"), [(500, 500, "512x512"), (512, 712, "512x704"), (96, 32, "128x64"), (1, 0, "64x64")]
)
def test_the_nearest_size_is_named(width, height, near):
    with pytest.raises(
        BlockweightError, match=rf"{width}×{height} pixels .* multiples of 64: the nearest size is {near}"
    ):
        check_sides(width, height, 64)


@given(st.integers(0, 99999), st.integers(0, 99999), st.sampled_from([8, 16, 32, 64]))
def test_the_named_size_is_one_that_can_be_drawn_and_nobody_is_told_a_far_one(width, height, step):
    try:
        check_sides(width, height, step)
    except BlockweightError as error:
        near = tuple(map(int, re.search(r"(\d+)x(\d+)\.$", str(error)).groups()))
        check_sides(*near, step)
        assert all(
            abs(side - found) <= max(step // 2, step - side) for side, found in ((width, near[0]), (height, near[1]))
        )
