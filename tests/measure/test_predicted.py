"""Tables of effects that slopes predict."""

import numpy as np
import pytest

from blockweight.measure import SceneName, predicted_table, sketch_table, slope_points
from blockweight.render import Sketch, Slopes
from workshop import job

SCENES = (SceneName("red dress", 1), SceneName("blue suit", 2))
BLOCKS = ("BASE", "OUT08")
NAMES = ("green", "light")


def slopes(*rows: list[float]) -> Slopes:
    return Slopes(job(), np.zeros((2, 2, 3)), BLOCKS, np.array(rows), 32, 90.0, 1.0)


def test_slopes_are_taken_where_the_other_blocks_stay_and_half_way():
    assert slope_points(0.5, 1.0) == (1.0,)
    assert slope_points(0.5, 1.0, 2) == (1.0, 0.75)
    with pytest.raises(ValueError, match="1 or 2 points"):
        slope_points(0.5, 1.0, 3)


def test_an_effect_is_the_mean_slope_times_the_way():
    first = (slopes([1.0, 2.0], [0.0, -4.0]), slopes([3.0, 2.0], [0.0, -8.0]))
    table = predicted_table(NAMES, SCENES, [first, [slopes([1.0, 0.0], [0.0, 1.0])]], 0.5, 1.0)
    assert (table.aspects, table.blocks, table.scenes) == (NAMES, BLOCKS, SCENES)
    assert table.samples("green", "BASE").tolist() == [-1.0, -0.5]
    assert table.samples("light", "OUT08").tolist() == [3.0, -0.5]


def test_slopes_predict_a_linear_picture_exactly():
    weights, true = np.array([1.0, 1.0]), np.array([3.0, -2.0])
    table = predicted_table(["green"], SCENES[:1], [[slopes(true.tolist())]], -0.5, 1.0)
    for number, block in enumerate(BLOCKS):
        changed = weights.copy()
        changed[number] = -0.5
        assert table.samples("green", block)[0] == pytest.approx(true @ changed - true @ weights)


def test_sketches_have_no_sign():
    found = [Sketch(job(), BLOCKS, ("", "inside"), np.array([[1.0, 2.0], [3.0, 4.0]]), 16, 20.0, 1.0)] * 2
    table = sketch_table(SCENES, found, 0.5, 1.0)
    assert table.aspects == ("change", "change:inside")
    assert table.samples("change:inside", "OUT08").tolist() == [2.0, 2.0]
