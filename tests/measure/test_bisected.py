"""What a bisection found, as effects."""

import numpy as np
import pytest

from blockweight.measure import SceneName, bisected_effects
from blockweight.plan import plan_bisection

SCENES = (SceneName("meadow", 1), SceneName("night", 2))
FIRST, SECOND = ("IN01", "IN02"), ("IN04", "M00")


def begun():
    return plan_bisection([*FIRST, *SECOND], 0.5, 1.0, 0.5, 2).tell({FIRST: 0.2, SECOND: 3.0})


def test_a_closed_group_bounds_each_of_its_blocks():
    samples = {FIRST: {"change": [0.1, 0.3]}, ("IN04",): {"change": [3, 3]}, ("M00",): {"change": [0, 1]}}
    found = bisected_effects(begun().tell({("IN04",): 3.0, ("M00",): 0.5}), SCENES, samples)
    assert found.bounded == {"IN01": FIRST, "IN02": FIRST}
    assert found.table.values.tolist() == [[[0.1, 0.3], [0.1, 0.3], [3, 3], [0, 1]]]
    assert (found.table.aspects, found.table.blocks) == (("change",), (*FIRST, *SECOND))


def test_blocks_that_are_still_to_be_measured_are_nan():
    found = bisected_effects(begun(), SCENES, {FIRST: {"change": [0.1, 0.3], "diff": [0, 0]}})
    assert np.isnan(found.table.values[:, 2:]).all()
    assert found.table.effect("diff", "IN01").samples == (0, 0)


def test_samples_of_other_scenes_are_a_mistake():
    with pytest.raises(ValueError, match="1 samples for 2 scenes"):
        bisected_effects(begun(), SCENES, {FIRST: {"change": [0.1]}})
