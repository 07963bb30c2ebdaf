"""Effects from screenings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workshop import FULL

from blockweight.errors import BlockweightError
from blockweight.measure import (
    SceneName,
    main_effects,
    mean_difference,
    screen_scene,
    screening,
    screening_table,
)
from blockweight.plan import Screening, plan_screening

BLOCKS = ("BASE", "IN01", "M00", "OUT03")
PLAN = plan_screening(FULL, BLOCKS, 0.5, 1.0)
LEFT = np.zeros((6, 8), dtype=bool)
LEFT[:, :3] = True


def drawn(
    plan: Screening, changes: dict[str, np.ndarray], noise: float = 0.0, together: float = 0.0, seed: int = 3
) -> list[np.ndarray]:
    """Pictures in which the blocks' changes add up, but for the first two, which do `together` more."""
    rng = np.random.default_rng(seed)
    made = []
    for variant in plan.variants:
        picture = np.full((6, 8, 3), 128.0)
        for block, change in changes.items():
            picture += change * (variant.weights.weight(block) == plan.value)
        if all(variant.weights.weight(block) == plan.value for block in plan.blocks[:2]):
            picture += together
        made.append((picture + rng.normal(0, noise, picture.shape)).round().clip(0, 255).astype(np.uint8))
    return made


def patch(level: float, columns: slice = slice(None)) -> np.ndarray:
    change = np.zeros((6, 8, 3))
    change[:, columns] = level
    return change


CHANGES = {"BASE": patch(10), "IN01": patch(-20, slice(0, 4)), "M00": patch(0), "OUT03": patch(6, slice(0, 3))}


@pytest.mark.parametrize("fold", [True, False])
def test_changes_that_add_up_are_found_as_an_analysis_finds_them(fold):
    plan = plan_screening(FULL, BLOCKS, 0.5, 1.0, fold=fold)
    found = screen_scene(plan, drawn(plan, CHANGES))
    assert found.values["change"] == pytest.approx([10, 10, 0, 6 * 3 / 8], abs=1e-4)
    assert found.noise == pytest.approx(0, abs=1e-4)


def test_diff_is_the_percentage_of_values_over_the_threshold():
    found = screen_scene(PLAN, drawn(PLAN, CHANGES), threshold=15)
    assert found.values["diff"] == pytest.approx([0, 50, 0, 0])


def test_a_mask_parts_inside_from_outside():
    values = screen_scene(PLAN, drawn(PLAN, CHANGES), LEFT).values
    assert values["change:inside"] == pytest.approx([10, 20, 0, 6], abs=1e-4)
    assert values["change:outside"] == pytest.approx([10, 4, 0, 0], abs=1e-4)
    assert values["change"] == pytest.approx([10, 10, 0, 6 * 3 / 8], abs=1e-4)


def test_what_noise_adds_to_a_size_is_taken_off():
    plan = plan_screening(FULL, FULL.blocks[:12], 0.5, 1.0)
    pictures = drawn(plan, {"IN01": patch(12)}, noise=6)
    found = screen_scene(plan, pictures)
    silent = [number for number, block in enumerate(plan.blocks) if block != "IN01"]
    assert found.noise > 1.0
    assert found.values["change"][silent].mean() < 0.2


def test_what_two_blocks_do_together_does_not_touch_a_third_once_folded():
    folded = screen_scene(PLAN, drawn(PLAN, CHANGES, together=8))
    assert folded.values["change"][2:] == pytest.approx([0, 6 * 3 / 8], abs=1e-4)
    # Each of the two has half of it, the mean over what the other stands at.
    assert folded.values["change"][0] == pytest.approx(14, abs=1e-4)
    assert folded.pairs > 0.4
    assert screen_scene(PLAN, drawn(PLAN, CHANGES)).pairs == pytest.approx(0, abs=1e-4)


def test_without_folding_nothing_is_said_of_pairs():
    plan = plan_screening(FULL, BLOCKS, 0.5, 1.0, fold=False)
    assert math.isnan(screen_scene(plan, drawn(plan, CHANGES)).pairs)


def test_large_pictures_are_read_in_bands(monkeypatch):
    pictures = drawn(PLAN, CHANGES, noise=4)
    whole = screen_scene(PLAN, pictures, LEFT).values
    monkeypatch.setattr(screening, "HELD", 2 * len(pictures) * 8 * 3)
    monkeypatch.setattr(screening, "_CHUNK", 7)
    for aspect, values in screen_scene(PLAN, pictures, LEFT).values.items():
        assert values == pytest.approx(whole[aspect], rel=1e-5)


def test_a_table_has_a_sample_a_scene_and_figures_of_pictures_by_their_sign():
    scenes = (SceneName("meadow", 1), SceneName("night", 2))
    pictures = [drawn(PLAN, CHANGES), drawn(PLAN, {"BASE": patch(4)})]
    table = screening_table(PLAN, scenes, pictures, [LEFT, LEFT], {"light": lambda picture: float(picture.mean())})
    assert table.aspects == ("diff", "change", "change:inside", "change:outside", "light")
    assert table.samples("change", "BASE") == pytest.approx([10, 4], abs=1e-4)
    assert table.samples("light", "IN01") == pytest.approx([-10, 0], abs=1e-4)
    assert [effects.block for effects in table.block_effects()] == list(BLOCKS)


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=4))
def test_effects_that_add_up_are_found_exactly_with_their_signs(effects):
    figures = [7 + sum(effect for effect, sign in zip(effects, row, strict=False) if sign > 0) for row in PLAN.signs]
    assert [effect.value for effect in main_effects(PLAN, figures)] == pytest.approx(effects, abs=1e-9)


def test_lenths_margin_is_his():
    # By hand for sizes 1, 2, …, 7, 100: 1.5 · median 4.5 = 6.75; those under 2.5 · 6.75 are 1 … 7; 1.5 · 4 = 6, and
    # t(0.975, 8 / 3) lies between the printed 4.303 of two degrees of freedom and 3.182 of three.
    margin = screening._lenth_margin(np.array([1, -2, 3, -4, 5, -6, 7, 100.0]))
    assert 6 * 3.182 < margin < 6 * 4.303


def test_a_figure_that_one_block_moves_stands_out_of_chance():
    rng = np.random.default_rng(1)
    plan = plan_screening(FULL, FULL.blocks, 0.5, 1.0)
    figures = [20 * (row[4] > 0) + rng.normal(0, 3) for row in plan.signs]
    out = [effect.block for effect in main_effects(plan, figures) if abs(effect.value) > effect.margin]
    assert FULL.blocks[4] in out and len(out) <= 3


def test_pictures_of_two_sizes_are_refused():
    pictures = drawn(PLAN, CHANGES)
    pictures[3] = pictures[3][:4]
    with pytest.raises(BlockweightError, match="differ in size"):
        screen_scene(PLAN, pictures)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((6, 8), bool), "nothing inside"),
        (np.ones((6, 8), bool), "nothing"),
        (LEFT[:4], "mask of the pictures"),
    ],
)
def test_a_mask_that_parts_nothing_is_refused(mask, said):
    with pytest.raises(BlockweightError, match=said):
        screen_scene(PLAN, drawn(PLAN, CHANGES), mask)


def test_a_missing_run_is_a_mistake():
    with pytest.raises(ValueError, match="runs"):
        screen_scene(PLAN, drawn(PLAN, CHANGES)[:-1])
    with pytest.raises(ValueError, match="runs"):
        main_effects(PLAN, [1.0])


def test_a_picture_compared_block_by_block_measures_the_same():
    pictures = drawn(PLAN, CHANGES)
    source = pictures[0]
    changed = (source + CHANGES["IN01"]).astype(np.uint8)
    assert mean_difference(changed, source) == pytest.approx(screen_scene(PLAN, pictures).values["change"][1], abs=1e-4)


def test_a_block_that_does_nothing_lies_on_either_side_of_0():
    """Cut off at 0 scene by scene, it would look like an effect, or like one of exactly 0."""
    scenes = [SceneName(str(seed), seed) for seed in range(4)]
    runs = [drawn(PLAN, {"BASE": patch(10)}, noise=2.0, seed=seed) for seed in range(4)]
    table = screening_table(PLAN, scenes, runs)
    samples = np.concatenate([table.samples("change", block) for block in BLOCKS[1:]])
    assert samples.min() < 0 < samples.max()
    assert table.signed == {"diff", "change"}
    assert all(low < 0 < high for low, high in (table.effect("change", block).interval for block in BLOCKS[1:]))
