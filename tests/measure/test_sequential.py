"""Scenes only for blocks that are not settled yet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import (
    EffectTable,
    GroundKind,
    SceneName,
    SequentialPlan,
    Verdict,
    next_step,
    planned_looks,
)

SCENES = 8
PLAN = SequentialPlan(planned_looks(SCENES))
STILL = [0.0] * SCENES
STRONG = [20.0, 24.0, 19.0, 19.5, 20.2, 20.8, 19.9, 20.1]
DOUBTFUL = [0.1, 3.0, 0.3, 1.0, 0.2, 2.0, 0.4, 0.9]


def truth(*blocks, inside=None):
    """What would be measured of each block in every scene."""
    aspects = {"diff": np.zeros((len(blocks), SCENES)), "change": np.array(blocks, dtype=float)}
    if inside is not None:
        aspects |= {"change:inside": np.array(inside, dtype=float), "change:outside": np.array(blocks, dtype=float)}
    scenes = tuple(SceneName(f"s{number}", number) for number in range(SCENES))
    names = tuple(f"B{number}" for number in range(len(blocks)))
    return EffectTable(tuple(aspects), names, scenes, np.stack(list(aspects.values())))


def measured(table, pairs):
    values = np.full_like(table.values, np.nan)
    for block, scene in pairs:
        place = table.blocks.index(block)
        values[:, place, scene] = table.values[:, place, scene]
    return EffectTable(table.aspects, table.blocks, table.scenes, values)


def run(table, plan=PLAN):
    """Measure what is asked for until it is done: the last step and all that was asked for."""
    pairs, asked = set(), []
    while (step := next_step(measured(table, pairs), plan)).more:
        assert not pairs & set(step.more)
        pairs |= set(step.more)
        asked.append(step.more)
    return step, asked


@pytest.mark.parametrize(
    ("scenes", "looks"),
    [(2, (2,)), (3, (2, 3)), (8, (2, 3, 4, 6, 8)), (10, (2, 3, 4, 6, 8, 10)), (16, (2, 3, 4, 6, 8, 12, 16))],
)
def test_looks_are_further_apart_the_more_scenes_there_are(scenes, looks):
    assert planned_looks(scenes) == looks


def test_one_scene_is_too_few_to_begin():
    with pytest.raises(BlockweightError, match="begin with two"):
        planned_looks(1)


@given(st.integers(2, 200))
def test_the_looks_spend_the_whole_error_and_no_more(scenes):
    plan = SequentialPlan(planned_looks(scenes))
    shares = [plan.share(look) for look in range(len(plan.looks))]
    assert sum(shares) == pytest.approx(plan.error)
    assert min(shares) > 0


def test_it_begins_with_two_scenes_of_every_block():
    step = next_step(measured(truth(STILL, STRONG), ()), PLAN)
    assert step.more == (("B0", 0), ("B0", 1), ("B1", 0), ("B1", 1))
    assert not step.done and not step.decided and not step.open


def test_a_block_that_is_decided_gets_no_more_scenes():
    step, asked = run(truth(STILL, DOUBTFUL))
    assert step.decided["B0"].ground.seeds == 2
    assert all(block == "B1" for pairs in asked[1:] for block, _ in pairs)


def test_who_stays_open_uses_all_scenes():
    step, asked = run(truth(STILL, DOUBTFUL))
    assert set(step.open) == {"B1"} and step.done
    assert [len(pairs) for pairs in asked] == [4, 1, 1, 2, 2]
    assert step.reasons() == {"B0": "settled with 2 scenes", "B1": "not settled, and all 8 scenes are used"}


def test_a_clear_effect_is_settled_with_fewer_scenes_than_there_are():
    step, _ = run(truth(STILL, STRONG))
    assert step.decided["B1"].ground.kind is GroundKind.NO_MASK
    assert 2 < step.decided["B1"].ground.seeds < SCENES


def test_a_look_asks_for_surer_answers_than_one_alone():
    # Two scenes would do for plain 95 % intervals.
    table = truth([20.0, 20.0 * 1.01, *STRONG[2:]])
    lone = SequentialPlan((2,))
    assert next_step(measured(table, {("B0", 0), ("B0", 1)}), lone).done
    assert "B0" in next_step(measured(table, {("B0", 0), ("B0", 1)}), lone).decided
    many = truth(*[STRONG] * 26)
    assert not next_step(measured(many, {(block, scene) for block in many.blocks for scene in (0, 1)}), PLAN).decided


def test_with_a_mask_a_block_is_decided_when_it_is_known_where_it_works():
    inside = [[effect * 5 for effect in STRONG], STRONG, STILL]
    step, _ = run(truth(STRONG, [effect * 5 for effect in STRONG], STILL, inside=inside))
    assert {block: found.verdict for block, found in step.decided.items()} == {
        "B0": Verdict.KEEP, "B1": Verdict.DROP, "B2": Verdict.DROP,
    }  # fmt: skip


def test_a_place_that_is_not_settled_keeps_a_visible_block_open():
    wavering = [effect * factor for effect, factor in zip(STRONG, [3, 0.5, 2, 0.4, 2.5, 0.6, 1.8, 0.7], strict=True)]
    step, _ = run(truth(STRONG, STILL, inside=[wavering, STILL]))
    assert set(step.open) == {"B0"}


def test_scenes_that_were_measured_beforehand_are_used_first():
    table = truth(DOUBTFUL)
    step = next_step(measured(table, {("B0", 5)}), PLAN)
    assert step.more == (("B0", 0),)
    assert next_step(table, PLAN).done


@settings(max_examples=20)
@given(st.lists(st.lists(st.floats(0, 30), min_size=SCENES, max_size=SCENES), min_size=1, max_size=3))
def test_any_effects_come_to_an_end_and_to_the_same_one_as_a_full_table(blocks):
    table = truth(*blocks)
    step, _ = run(table)
    whole = next_step(table, PLAN)
    assert set(step.decided) | set(step.open) == set(table.blocks)
    assert (step.decided, step.open) == (whole.decided, whole.open)


def test_a_table_without_what_it_takes_is_refused():
    table = truth(STILL)
    with pytest.raises(BlockweightError, match="measure both"):
        next_step(EffectTable(("diff",), table.blocks, table.scenes, table.values[:1]), PLAN)
    with pytest.raises(BlockweightError, match="there are 8; add seeds"):
        next_step(table, SequentialPlan(planned_looks(9)))


def test_chance_alone_seldom_decides_any_block():
    # Effects exactly as large as the floor: whatever is said is wrong. The figures: benchmarks/sequential.py.
    random = np.random.default_rng(7)
    wrong = [
        bool(next_step(truth(*np.exp(random.normal(np.log(0.5), 0.5, (4, SCENES)))), PLAN).decided) for _ in range(30)
    ]
    assert sum(wrong) <= 5


def test_with_a_mask_each_of_two_statements_has_half_the_error():
    # By two scenes under the floor with p = 0.035.
    doubtful = [0.0111, 0.0415, *STILL[2:]]
    lone = SequentialPlan((2,))
    assert set(next_step(truth(doubtful), lone).decided) == {"B0"}
    assert not next_step(truth(doubtful, inside=[doubtful]), lone).decided
