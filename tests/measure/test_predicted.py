"""Tables of effects that slopes predict."""

import numpy as np
import pytest

from blockweight.measure import MOST_TOLD, SceneName, predicted_table, sketch_table
from blockweight.render import Sketch, Slopes
from workshop import job

SCENES = (SceneName("red dress", 1), SceneName("blue suit", 2))
BLOCKS = ("BASE", "OUT08")
NAMES = ("green", "light")


def slopes(*rows: list[float]) -> Slopes:
    return Slopes(job(), np.zeros((2, 2, 3)), BLOCKS, np.array(rows), 32, 90.0, 1.0)


def test_an_effect_is_the_slope_times_the_way():
    table = predicted_table(NAMES, SCENES, [slopes([2.0, 2.0], [0.0, -6.0]), slopes([1.0, 0.0], [0.0, 1.0])], 0.5, 1.0)
    assert (table.aspects, table.blocks, table.scenes) == (NAMES, BLOCKS, SCENES)
    assert table.samples("green", "BASE").tolist() == [-1.0, -0.5]
    assert table.samples("light", "OUT08").tolist() == [3.0, -0.5]


def test_a_scene_about_to_tip_tells_its_order_but_no_more_than_others_can():
    table = predicted_table(NAMES, SCENES, [slopes([600.0, -800.0], [2.0, 4.0]), slopes([6.0, 8.0], [2.0, 4.0])], 0, 1)
    assert table.samples("green", "BASE").tolist() == pytest.approx([-0.6 * MOST_TOLD, -6.0])
    assert table.samples("green", "OUT08").tolist() == pytest.approx([0.8 * MOST_TOLD, -8.0])
    assert table.samples("light", "OUT08").tolist() == [-4.0, -4.0]


def test_slopes_predict_a_linear_picture_exactly():
    weights, true = np.array([1.0, 1.0]), np.array([3.0, -2.0])
    table = predicted_table(["green"], SCENES[:1], [slopes(true.tolist())], -0.5, 1.0)
    for number, block in enumerate(BLOCKS):
        changed = weights.copy()
        changed[number] = -0.5
        assert table.samples("green", block)[0] == pytest.approx(true @ changed - true @ weights)


def test_sketches_have_no_sign():
    found = [Sketch(job(), BLOCKS, ("", "inside"), np.array([[1.0, 2.0], [3.0, 4.0]]), 16, 20.0, 1.0)] * 2
    table = sketch_table(SCENES, found, 0.5, 1.0)
    assert table.aspects == ("change", "change:inside")
    assert table.samples("change:inside", "OUT08").tolist() == [2.0, 2.0]
