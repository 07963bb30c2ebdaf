"""The tutorial's round, to the letter, and what a round refuses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import SERIES, plan_round
from blockweight.weights import uniform
from workshop import FULL, WEIGHTS, weights_of

GOBUHIME = weights_of(f"Gobuhime:{WEIGHTS}")
FREE = ["IN01", "IN03", "IN04", "IN05", "OUT00", "OUT01", "OUT06", "OUT07", "OUT08", "OUT09", "OUT11"]
FIXED = [block for block in FULL.blocks if block not in FREE]

SUB = """\
Sub:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubIN01_0:1,0,0,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubIN03_0:1,0,0.5,1,0,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubIN04_0:1,0,0.5,1,0.5,0,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubIN05_0:1,0,0.5,1,0.5,0.5,0,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubOUT00_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubOUT01_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
SubOUT06_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0,0.5,0.5,0.5,0,0.5
SubOUT07_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0,0.5,0.5,0,0.5
SubOUT08_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0,0.5,0,0.5
SubOUT09_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0,0,0.5
SubOUT11_0:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0
""".splitlines()
"""The tutorial's "Weights setting", as its picture shows it."""

SUB_NAMES = (
    "Sub, SubIN01_0, SubIN03_0, SubIN04_0, SubIN05_0, SubOUT00_0, SubOUT01_0, SubOUT06_0, SubOUT07_0, SubOUT08_0, "
    "SubOUT09_0, SubOUT11_0"
)
"""The tutorial's "Prompt S/R", as its picture shows it."""

ADD = """\
Add:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddIN01_1:1,0,1,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddIN03_1:1,0,0.5,1,1,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddIN04_1:1,0,0.5,1,0.5,1,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddIN05_1:1,0,0.5,1,0.5,0.5,1,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddOUT00_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,1,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddOUT01_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,1,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5
AddOUT06_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,1,0.5,0.5,0.5,0,0.5
AddOUT07_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,1,0.5,0.5,0,0.5
AddOUT08_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,1,0.5,0,0.5
AddOUT09_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,1,0,0.5
AddOUT11_1:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,1
""".splitlines()
ADD_NAMES = SUB_NAMES.replace("Sub", "Add").replace("_0", "_1")


@pytest.mark.parametrize(
    ("kind", "presets", "names"),
    [
        ("Sub", SUB, SUB_NAMES),
        ("SubAdd", SUB + ADD, f"{SUB_NAMES}, {ADD_NAMES}"),
        ("Add", ADD, ADD_NAMES),
        ("AddSub", ADD + SUB, f"{ADD_NAMES}, {SUB_NAMES}"),
    ],
)
def test_the_tutorials_round_is_what_its_pictures_show(kind, presets, names):
    planned = plan_round(kind, GOBUHIME, FIXED, 0.5)
    assert planned.presets() == presets
    assert planned.prompt_sr() == names


@pytest.mark.parametrize("kind", ["sub_add", "SUBADD", "subadd"])
def test_a_kind_is_read_in_any_case(kind):
    assert plan_round(kind, GOBUHIME, FIXED, 0.5).kind == "SubAdd"


def test_a_round_remembers_what_it_was_planned_from():
    planned = plan_round("Sub", GOBUHIME, set(FIXED), 0.5)
    assert (planned.weights, planned.fixed, planned.step) == (GOBUHIME, tuple(FIXED), 0.5)
    assert [variant.block for variant in planned.variants] == [None, *FREE]
    assert {variant.value for variant in planned.variants[1:]} == {0.0}


def test_what_is_rendered_is_called_by_its_weights_name():
    planned = plan_round("Sub", GOBUHIME, FIXED, 0.5).variants[1]
    assert planned.variant.label == "SubIN01_0"
    assert planned.variant.weights is planned.weights


def test_names_carry_the_value_as_people_write_it():
    planned = plan_round("SubAdd", uniform("x", FULL, 0.1), FULL.blocks[1:], 0.2)
    assert planned.prompt_sr() == "Sub, SubBASE_-0.1, Add, AddBASE_0.3"


@given(
    st.sampled_from(sorted(SERIES)), st.sets(st.sampled_from(FULL.blocks), max_size=25), st.sampled_from([0.1, 0.25, 1])
)
def test_each_variant_moves_its_own_block_and_no_fixed_one(kind, fixed, step):
    planned = plan_round(kind, GOBUHIME, fixed, step)
    assert len(planned.variants) == len(SERIES[kind]) * (1 + 26 - len(fixed))
    for variant in planned.variants:
        moved = [block for block, value in variant.weights.items() if value != GOBUHIME.weight(block)]
        assert moved == ([] if variant.block is None else [variant.block])
        assert variant.block not in fixed
        if variant.block is not None:
            assert abs(abs(variant.value - GOBUHIME.weight(variant.block)) - step) < 1e-12


@pytest.mark.parametrize("step", [0, -0.5, math.nan, math.inf, -math.inf])
def test_a_step_is_a_number_above_0(step):
    with pytest.raises(BlockweightError, match="must be a number above 0"):
        plan_round("Sub", GOBUHIME, FIXED, step)


def test_a_step_that_moves_nothing_is_refused():
    with pytest.raises(BlockweightError, match="too small to move IN01"):
        plan_round("Sub", GOBUHIME, FIXED, 1e-30)


def test_a_step_beyond_all_numbers_is_refused():
    with pytest.raises(BlockweightError, match="not all finite"):
        plan_round("Add", uniform("x", FULL, 1.7e308), FIXED, 1.7e308)


def test_a_round_without_free_blocks_is_its_base_lines():
    assert plan_round("SubAdd", GOBUHIME, FULL.blocks, 0.5).prompt_sr() == "Sub, Add"


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(BlockweightError, match="no round 'mul'; use one of: Sub, SubAdd, Add, AddSub"):
        plan_round("mul", GOBUHIME, FIXED, 0.5)


def test_a_fixed_block_that_the_layout_lacks_is_refused():
    with pytest.raises(BlockweightError, match="no block 'IN99'"):
        plan_round("Sub", GOBUHIME, ["BASE", "IN99"], 0.5)
