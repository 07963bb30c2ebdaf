"""Least weights on pictures in which every block paints a stripe of its own, so that the right weight is reckoned."""

import math

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import Budget, LoweredScene, Why, least_weights, lowered_figures, prediction_error

WIDTH = 8
INSIDE = np.zeros((4, WIDTH), bool)
INSIDE[:, :4] = True


def painted(levels):
    """4×8 pixels: levels for the left half (inside) and the right one (outside)."""
    made = np.zeros((4, WIDTH, 3), np.uint8)
    made[:, :4], made[:, 4:] = levels
    return made


def scenes(blocks, source=(120, 120), without=(20, 20), shifts=(0, 1, -1)):
    """One scene a shift: `blocks` says what each takes away at the value, inside and outside."""
    made = []
    for shift in shifts:
        changed = {
            block: painted((source[0] - inside + shift * bool(inside), source[1] - outside + shift * bool(outside)))
            for block, (inside, outside) in blocks.items()
        }
        plain = None if without is None else painted(without)
        made.append(LoweredScene(painted(source), INSIDE, changed, plain))
    return made


def run(blocks, budget, value=0.5, base=1.0, shifts=(0, 0, 0), source=(120, 120), without=(20, 20), **options):
    return least_weights(scenes(blocks, source, without, shifts), list(blocks), value, base, budget, **options)


def test_a_block_goes_down_to_the_weight_that_the_budget_allows_and_no_further():
    # At 0.5 it takes 10 of the LoRA's 100 levels inside, so 10 % are lost at 0.5 and 20 % at 0.
    found = run({"IN01": (10, 40)}, Budget(keep=0.9))
    assert found.weights == {"IN01": 0.5}
    assert found.loss.mean == pytest.approx(0.1)
    assert found.blocks[0].why is Why.PARTLY
    assert run({"IN01": (10, 40)}, Budget(keep=0.94)).weights == {"IN01": 0.7}


def test_a_budget_in_levels_needs_no_pictures_without_the_lora():
    assert run({"IN01": (10, 40)}, Budget(change=5), without=None).weights == {"IN01": 0.75}


def test_what_does_most_outside_for_what_it_costs_inside_is_lowered_first():
    found = run({"IN01": (10, 20), "IN02": (5, 20)}, Budget(keep=0.9))
    assert found.weights == {"IN02": 0.0, "IN01": 1.0}
    assert [(each.block, each.why) for each in found.blocks] == [("IN02", Why.LOWERED), ("IN01", Why.SPENT)]
    assert [each.ratio for each in found.blocks] == pytest.approx([4.0, 2.0])


def test_the_step_is_the_grid_and_the_limit_its_end():
    assert run({"IN01": (10, 40)}, Budget(keep=0.86), step=0.2).weights == {"IN01": 0.4}
    assert run({"IN01": (1, 40)}, Budget(keep=0.5), limit=0.23).weights == {"IN01": 0.23}
    assert run({"IN01": (1, 10)}, Budget(keep=0.5), limit=-0.5).weights == {"IN01": -0.5}


def test_the_upper_end_of_the_interval_keeps_the_promise_not_the_mean():
    steady = run({"IN01": (10, 40)}, Budget(keep=0.85))
    shaky = run({"IN01": (10, 40)}, Budget(keep=0.85), shifts=(3, 0, -3))
    assert (steady.weights["IN01"], shaky.weights["IN01"]) == (0.25, 0.6)
    assert shaky.loss.interval[1] <= 0.15


def test_losses_in_opposite_directions_cancel_in_the_prediction_but_not_in_the_bound():
    blocks = {"IN01": (10, 40), "IN02": (-10, 40)}
    found = run(blocks, Budget(keep=0.8), without=(20, 20), source=(120, 220))
    assert found.weights == {"IN01": 0.0, "IN02": 0.0}
    assert found.loss.mean == pytest.approx(0.0)
    assert found.bound == pytest.approx(0.2)


def test_the_prediction_is_the_source_with_every_signed_difference_clipped():
    found = run({"IN01": (10, 40), "IN02": (0, 100)}, Budget(keep=0.5), source=(120, 120), without=(20, 0))
    # IN02 alone would go to 120 − 200, which is clipped to 0; IN01 follows from there.
    assert found.weights["IN02"] == 0.0
    assert int(found.pictures[0][0, 7, 0]) == 0
    assert int(found.pictures[0][0, 0, 0]) == 120 - round(20 * (1 - found.weights["IN01"]))


def test_a_block_that_shows_nothing_goes_to_the_limit():
    found = run({"IN01": (0, 0)}, Budget(keep=0.9))
    assert [(each.weight, each.why) for each in found.blocks] == [(0.0, Why.NOTHING)]


def test_a_block_that_works_inside_alone_stays():
    assert [(each.weight, each.why) for each in run({"IN01": (1, 0)}, Budget(keep=0.5)).blocks] == [
        (1.0, Why.INSIDE_ONLY)
    ]


def test_a_block_that_the_scenes_do_not_settle_stays_and_is_named():
    rows = scenes({"IN01": (0, 40), "IN02": (0, 40)})
    for scene, inside in zip(rows, (0, 1, 90), strict=True):
        scene.changed["IN01"][:, :4] = 120 - inside
    found = least_weights(rows, ["IN01", "IN02"], 0.5, 1.0, Budget(keep=0.5))
    assert (found.weights["IN01"], found.unsettled) == (1.0, ("IN01",))


def test_a_single_scene_settles_nothing():
    found = run({"IN01": (1, 40)}, Budget(keep=0.5), shifts=(0,))
    assert (found.weights, found.unsettled) == ({"IN01": 1.0}, ("IN01",))
    assert found.loss.interval == (-math.inf, math.inf)


def test_a_block_whose_lowering_leads_away_from_the_picture_without_the_lora_stays():
    assert run({"IN01": (1, -40)}, Budget(keep=0.5)).blocks[0].why is Why.ASTRAY
    # Without such pictures nobody can tell.
    assert run({"IN01": (1, -40)}, Budget(change=5), without=None).weights == {"IN01": 0.0}


def test_a_block_stops_where_the_rest_is_no_nearer_any_more():
    # The way outside is 100 long; at 0 it would have gone 240, farther from its end than it began.
    found = run({"IN01": (1, 120)}, Budget(keep=0.5), source=(120, 220), without=(20, 120))
    assert found.blocks[0].why is Why.NEAREST
    assert found.weights["IN01"] == 0.2


def test_a_fixed_block_keeps_its_weight_and_spends_its_share_first():
    blocks = {"IN01": (10, 40), "IN02": (10, 40)}
    found = run(blocks, Budget(keep=0.9), held={"IN01": 0.5})
    assert found.weights == {"IN01": 0.5, "IN02": 1.0}
    assert {each.block: each.why for each in found.blocks} == {"IN01": Why.HELD, "IN02": Why.SPENT}
    assert run(blocks, Budget(keep=0.9), held={"IN01": 1.0}).weights["IN02"] == 0.5


def test_weights_below_the_measured_value_are_named_as_drawn_on():
    assert run({"IN01": (1, 10)}, Budget(keep=0.5)).stretched == ("IN01",)
    assert run({"IN01": (10, 40)}, Budget(keep=0.9)).stretched == ()


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({}, "either what share"),
        ({"keep": 0.9, "change": 1.0}, "either what share"),
        ({"keep": 0.0}, "between 0 and 100 %"),
        ({"keep": 1.0}, "between 0 and 100 %"),
        ({"keep": math.nan}, "between 0 and 100 %"),
        ({"change": 0.0}, "at most 255 levels"),
        ({"change": 256.0}, "at most 255 levels"),
        ({"change": math.nan}, "at most 255 levels"),
    ],
)
def test_a_budget_is_one_share_or_one_number_of_levels(budget, words):
    with pytest.raises(BlockweightError, match=words):
        Budget(**budget)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value": 1.0, "base": 0.0}, "raised its blocks"),
        ({"limit": 1.0}, "limit must be a weight below 1"),
        ({"limit": math.nan}, "limit must be"),
        ({"step": 0.0}, "step must be above 0"),
        ({"step": 2.0}, "step must be above 0"),
        ({"step": 1e-6}, "at least 0.001"),
        ({"without": None}, "render those first"),
        ({"without": (120, 0)}, "changes nothing inside"),
    ],
)
def test_what_gives_no_weights_is_refused(options, words):
    with pytest.raises(BlockweightError, match=words):
        run({"IN01": (10, 40)}, Budget(keep=0.9), **options)


def test_figures_of_the_prediction_and_its_distance_from_what_was_rendered():
    rows = scenes({"IN01": (10, 40)}, shifts=(0, 0, 0))
    found = least_weights(rows, ["IN01"], 0.5, 1.0, Budget(keep=0.9))
    figures = lowered_figures(rows, found.pictures)
    assert (figures.kept.mean, figures.gone.mean) == (pytest.approx(0.9), pytest.approx(0.4))
    assert (figures.inside.mean, figures.outside.mean) == (10.0, 40.0)
    error = prediction_error(rows, found.pictures, [painted((113, 80))] * 3)
    assert (error.inside.mean, error.outside.mean) == (3.0, 0.0)
    bare = scenes({"IN01": (10, 40)}, without=None)
    assert lowered_figures(bare, found.pictures).kept is None
