"""Probes in numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.measure import (
    StepMap,
    map_values,
    mask_cells,
    mean_difference,
    mixed_values,
    probe_table,
    step_map_from,
)
from blockweight.plan import Checkpoint, LoraUse, Scene, Variant, plan_block_analysis
from blockweight.render import FakeRenderer, Pair, ProbeAsk, Probed, ProbedLevel, paired

SCENE = Scene("meadow", Checkpoint("", "m"), "1girl", "", 1, 4, 7.0, "Euler", 64, 64, scheduler="Karras")
PLAN = plan_block_analysis(family_by_name("sd1").layout, ("IN04", "M00", "OUT05"), 0.5, 1.0)
LEFT = np.zeros((64, 64), bool)
LEFT[:, :32] = True


def ask(seed: int = 1, steps: tuple[int, ...] = (1, 2), **more: object) -> ProbeAsk:
    changed = tuple(variant for _, variant in PLAN.changed)
    return ProbeAsk(replace(SCENE, seed=seed), LoraUse("", "l"), PLAN.source, changed, steps, **more)  # type: ignore[arg-type]


def level(step: int, maps: np.ndarray, **more: object) -> ProbedLevel:
    told = {"mixed": maps[:0], **more}
    return ProbedLevel(step, 8.0 / (step + 1), step / 4, maps.astype(np.float32), **told)  # type: ignore[arg-type]


def answer(*maps: np.ndarray, seed: int = 1) -> Probed:
    steps = tuple(range(1, 1 + len(maps)))
    return Probed(ask(seed, steps), tuple(level(step, one) for step, one in zip(steps, maps, strict=True)), 10)


def known(inside: float, outside: float) -> np.ndarray:
    """Three blocks' maps of 8×8 cells, of which the left half has one value and the right another, times 1, 2 and 3."""
    one = np.full((8, 8), outside)
    one[:, :4] = inside
    return np.stack([one, 2 * one, 3 * one])


def test_cells_take_a_mask_by_its_area() -> None:
    mask = np.zeros((6, 6), bool)
    mask[:3, :2] = True
    np.testing.assert_allclose(mask_cells(mask, (2, 4)), [[1, 1 / 3, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(mask_cells(mask, (6, 6)), mask)
    np.testing.assert_allclose(mask_cells(mask, (4, 4)).mean(), mask.mean())


def test_a_map_is_measured_whole_and_under_a_mask() -> None:
    np.testing.assert_allclose(map_values(known(4, 1)), [2.5, 5, 7.5])
    np.testing.assert_allclose(map_values(known(4, 1), LEFT), [4, 8, 12])
    np.testing.assert_allclose(map_values(known(4, 1), ~LEFT), [1, 2, 3])
    with pytest.raises(BlockweightError, match="leaves nothing"):
        map_values(known(4, 1), np.zeros((64, 64), bool))


def test_a_table_has_the_weighted_mean_of_the_levels_of_every_region() -> None:
    answers = [answer(known(4, 1), known(8, 2)), answer(known(1, 1), known(1, 1), seed=2)]
    table = probe_table(answers, PLAN.blocks, [LEFT, LEFT], weights=(3, 1))
    assert table.aspects == ("change", "change:inside", "change:outside")
    assert [scene.seed for scene in table.scenes] == [1, 2]
    np.testing.assert_allclose(table.samples("change:inside", "M00"), [2 * (3 * 4 + 8) / 4, 2])
    np.testing.assert_allclose(table.samples("change:outside", "IN04"), [(3 * 1 + 2) / 4, 1])
    plain = probe_table(answers, PLAN.blocks)
    assert plain.aspects == ("change",)
    assert not plain.leaps
    np.testing.assert_allclose(plain.samples("change", "IN04"), [(2.5 + 5) / 2, 1])


def test_decoded_estimates_are_measured_by_any_aspect_of_pictures() -> None:
    (found,) = FakeRenderer().probe([ask(decode=True)])
    table = probe_table([found], PLAN.blocks, [LEFT], measures={"levels": mean_difference})
    assert table.aspects[3:] == ("levels", "levels:inside", "levels:outside")
    one = found.levels[0]
    assert one.source is not None
    expected = mean_difference(one.pictures[2], one.source, ~LEFT)
    assert table.samples("levels:outside", "OUT05")[0] == pytest.approx(expected)
    (blind,) = FakeRenderer().probe([ask()])
    with pytest.raises(ValueError, match="decoded"):
        probe_table([blind], PLAN.blocks, measures={"levels": mean_difference})


def test_weights_that_fit_no_levels_are_refused() -> None:
    for weights in ((1.0,), (0.0, 0.0)):
        with pytest.raises(ValueError, match="2 levels"):
            probe_table([answer(known(1, 1), known(1, 1))], PLAN.blocks, weights=weights)


def test_a_step_map_survives_json() -> None:
    values = np.array([[[1.0, np.nan], [2.0, 3.0]]])
    kept = StepMap(("IN04", "M00"), (0, 5), (math.inf, 2.0), values)
    again = step_map_from(json.loads(json.dumps(kept.facts(), allow_nan=False)))
    assert (again.blocks, again.steps, again.sigmas) == (kept.blocks, kept.steps, kept.sigmas)
    np.testing.assert_array_equal(again.values, values)
    np.testing.assert_array_equal(again.mean(), values[0])


@pytest.mark.parametrize("damage", [{"values": [[1]]}, {"steps": None}, {"sigmas": [1.0, 2.0, 3.0]}, {"blocks": 3}])
def test_what_is_no_step_map_is_refused(damage: dict[str, object]) -> None:
    facts = StepMap(("IN04",), (0, 5), (4.0, 2.0), np.ones((1, 1, 2))).facts()
    with pytest.raises(BlockweightError, match="no map of blocks and steps"):
        step_map_from({**facts, **damage})


def test_pairs_are_joined_and_measured() -> None:
    singles = [variant for _, variant in PLAN.changed]
    assert PLAN.source.weights is not None
    rest = Variant("REST", replace(PLAN.source.weights, rest=0.0))
    changed, pairs = paired(PLAN.source, [*singles, rest], [(0, 2), (1, 3)])
    assert pairs == (Pair(0, 2, 4), Pair(1, 3, 5))
    joined, with_rest = changed[4].weights, changed[5].weights
    assert joined is not None
    assert with_rest is not None
    assert [joined.weight(block) for block in ("IN04", "M00", "OUT05")] == [0.5, 1.0, 0.5]
    assert (with_rest.weight("M00"), with_rest.rest) == (0.5, 0.0)
    asked = replace(ask(), changed=changed, pairs=pairs)
    (found,) = FakeRenderer().probe([asked])
    mixed = mixed_values([found])
    assert mixed.shape == (1, 2)
    assert mixed[0, 0] < 0.3, "stripes beside each other add up, but for their rounding"
