"""Two pictures of each scene: `measure.paired`."""

from __future__ import annotations

import math

import pytest

from blockweight.measure import paired


def test_what_scenes_differ_in_does_not_blur_the_difference():
    found = paired([10, 50, 90], [12, 52.5, 91.5])
    assert found.first.mean == 50
    assert found.difference.mean == pytest.approx(2)
    # t(2) at 97.5 % is 4.3027, the standard deviation 0.5.
    half = 4.302653 * 0.5 / math.sqrt(3)
    assert found.difference.interval == pytest.approx((2 - half, 2 + half))
    assert found.first.interval[1] - found.first.interval[0] > 100 * half


def test_scenes_of_one_prompt_hang_together():
    alone, grouped = (paired([0] * 4, [1, 1.1, 5, 5.1], groups) for groups in ((), (0, 0, 1, 1)))
    assert grouped.difference.interval[1] > 3 * alone.difference.interval[1]


def test_one_scene_tells_nothing_of_the_spread():
    assert paired([1], [2]).difference.interval == (-math.inf, math.inf)


def test_what_has_no_sign_is_not_below_0():
    assert paired([0, 1], [0, 1]).first.interval[0] == 0
    assert paired([0, 1], [0, 1], signed=True).first.interval[0] < 0
