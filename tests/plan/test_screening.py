"""Two-level designs, and screenings planned by them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workshop import FULL, SHORT

from blockweight.blocks import REST, family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import MOST_FACTORS, folded, plan_screening, two_level_design

FLUX = max(family_by_name("flux1").layouts, key=len)


@settings(deadline=None)
@given(st.integers(1, MOST_FACTORS))
def test_any_two_columns_of_a_design_have_each_combination_equally_often(factors):
    signs = np.array(two_level_design(factors))
    assert set(np.unique(signs)) == {-1, 1}
    assert np.array_equal(signs.T @ signs, len(signs) * np.eye(factors, dtype=int))


@settings(deadline=None)
@given(st.integers(1, MOST_FACTORS))
def test_a_column_is_high_as_often_as_low_and_the_first_run_is_low(factors):
    signs = np.array(two_level_design(factors))
    assert not signs.sum(axis=0).any()
    assert set(signs[0]) == {-1}


@settings(deadline=None)
@given(st.integers(3, MOST_FACTORS))
def test_a_design_has_the_fewest_runs_that_are_possible(factors):
    # Hadamard matrices have an order of 1, 2 or a multiple of 4; 92 and 116 are those that no construction here makes.
    fewest = (factors + 4) // 4 * 4
    assert len(two_level_design(factors)) == (fewest + 4 if fewest in (92, 116) else fewest)


@pytest.mark.parametrize(("factors", "runs"), [(17, 20), (26, 28), (48, 52), (57, 60), (61, 64)])
def test_the_layouts_that_people_use_need_few_runs(factors, runs):
    assert len(two_level_design(factors)) == runs


def test_twelve_runs_are_plackett_and_burmans():
    # Their generator of 1946, + + − + + + − − − + −, turned place by place below it: any two rows agree in five places.
    rows = np.array(two_level_design(11))
    assert all(np.count_nonzero(one == other) == 5 for n, one in enumerate(rows) for other in rows[:n])


@pytest.mark.parametrize("factors", [0, -1, MOST_FACTORS + 1])
def test_a_design_of_no_or_too_many_blocks_is_refused(factors):
    with pytest.raises(BlockweightError, match="leave some of them out"):
        two_level_design(factors)


@settings(deadline=None)
@given(st.integers(1, 40))
def test_folding_mirrors_every_run_and_frees_the_factors_from_pairs(factors):
    signs = np.array(folded(two_level_design(factors)))
    half = len(signs) // 2
    assert np.array_equal(signs[half:], -signs[:half])
    pair = signs[:, 0] * signs[:, -1]
    assert not (signs.T @ pair).any()


def test_half_of_a_screenings_runs_have_a_block_at_the_value():
    plan = plan_screening(FULL, ["BASE", "IN04", "OUT11"], 0.5, 1.0, fold=False)
    for block in plan.blocks:
        weights = [variant.weights.weight(block) for variant in plan.variants]
        assert sorted(weights) == [0.5] * 4 + [1.0] * 4
    assert {variant.weights.weight("M00") for variant in plan.variants} == {1.0}


def test_the_signs_say_what_the_runs_have():
    plan = plan_screening(FULL, FULL.blocks, 0.0, 1.0)
    for row, variant in zip(plan.signs, plan.variants, strict=True):
        assert variant.weights.values == tuple(0.0 if sign > 0 else 1.0 for sign in row[:26])


def test_the_first_run_is_the_source_of_an_analysis():
    assert set(plan_screening(FULL, FULL.blocks, 0.5, 1.0).variants[0].weights.values) == {1.0}


@pytest.mark.parametrize(("blocks", "runs"), [(17, 20), (26, 28), (57, 60), (61, 64), (19, 24)])
def test_a_column_stays_spare(blocks, runs):
    plan = plan_screening(FLUX, FLUX.blocks[:blocks], 0.5, 1.0, fold=False)
    assert len(plan.variants) == runs
    assert plan.spare == runs - 1 - len(plan.blocks) >= 1


def test_runs_are_numbered_with_as_many_digits_as_it_takes():
    labels = [variant.label for variant in plan_screening(FLUX, FLUX.blocks, 0.5, 1.0).variants]
    assert (labels[0], labels[-1]) == ("screen-001", "screen-128")
    assert plan_screening(SHORT, SHORT.blocks[:3], 0.5, 1.0).variants[0].label == "screen-01"


def test_rest_is_screened_like_a_block():
    plan = plan_screening(FULL, [*FULL.blocks[:2], REST], 0.25, 0.75)
    assert [variant.weights.rest for variant in plan.variants] == [0.25 if row[2] > 0 else 0.75 for row in plan.signs]
    assert {variant.weights.rest for variant in plan_screening(FULL, FULL.blocks, 0.25, 0.75).variants} == {1.0}


def test_equal_plans_are_equal():
    assert plan_screening(FULL, FULL.blocks, 0.5, 1.0) == plan_screening(FULL, FULL.blocks, 0.5, 1.0)


@pytest.mark.parametrize(
    ("blocks", "value", "said"),
    [([], 0.5, "name at least one"), (["IN01"], 1.0, "two different"), (["IN01", "IN01"], 0.5, "named twice")],
)
def test_a_screening_of_nothing_is_refused(blocks, value, said):
    with pytest.raises(BlockweightError, match=said):
        plan_screening(FULL, blocks, value, 1.0)


def test_an_unknown_block_is_refused():
    with pytest.raises(BlockweightError, match="no block 'IN99'"):
        plan_screening(FULL, ["IN99"], 0.5, 1.0)
