"""The tutorial's spreadsheet, with the tutorial's values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import FAMILIES, family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import plan_round
from blockweight.weights import lr_weights, uniform
from blockweight.workflow.plot_helper import KINDS, plot_helper_of
from workshop import FULL, SHORT, WEIGHTS, weights_of

FIXED = "BASE,IN00,IN02,IN06-M00,OUT02-OUT05,OUT10"
UNFIXED = "IN01,IN03,IN04,IN05,OUT00,OUT01,OUT06,OUT07,OUT08,OUT09,OUT11"


@pytest.fixture(scope="module")
def facts():
    return plot_helper_of(f"Gobuhime:{WEIGHTS}", "sd1", FIXED, 0.5).facts()


def test_the_weight_is_the_line_for_the_webui(facts):
    assert facts["weight"] == f"Gobuhime:{WEIGHTS}"


def test_the_analyzers_blocks_are_the_unfixed_ones(facts):
    assert facts["eba_blocks"] == UNFIXED


@pytest.mark.parametrize(("key", "kind"), list(zip(("sub", "sub_add", "add", "add_sub"), KINDS, strict=True)))
def test_every_round_is_there_with_its_presets_and_its_prompt_sr(facts, key, kind):
    planned = plan_round(kind, weights_of(f"Gobuhime:{WEIGHTS}"), FIXED_BLOCKS, 0.5)
    assert facts[key] == {"presets": planned.presets(), "prompt_sr": planned.prompt_sr()}


FIXED_BLOCKS = [block for block in FULL.blocks if block not in UNFIXED.split(",")]


def test_the_learning_rates_are_the_sheets_own():
    # LoraBlockWeightPlotHelper.png shows this row and these lists.
    row = "CharLrWeight:1,0,1,1,1,1,0,0,0,1,0,0,0,1,1,0,1,1,1,1,1,1,1,0,0,1"
    assert plot_helper_of(row, "sd1", "", 0.5).lr_weight == (
        '"down_lr_weight=0,1,1,1,1,0,0,0,1,0,0,0" "mid_lr_weight=1" "up_lr_weight=1,0,1,1,1,1,1,1,1,0,0,1"'
    )


def test_everything_fixed_leaves_the_base_lines_as_in_the_sheet():
    sheet = plot_helper_of(f"Gobuhime:{WEIGHTS}", "sd1", "BASE-OUT11", 0.5).facts()
    assert (sheet["sub"]["prompt_sr"], sheet["add_sub"]["prompt_sr"], sheet["eba_blocks"]) == ("Sub", "Add, Sub", "")


def test_limits_hold_every_weight_between_them():
    sheet = plot_helper_of("a:" + ",".join(["0", "0.25", "1", *["0.5"] * 14]), "sd1", "", 0.5, (0.0, 1.0))
    moved = {(planned.block, planned.value) for planned in sheet.rounds["Sub"].variants if planned.block}
    assert moved == {("IN01", 0.0), ("IN02", 0.5), *((block, 0.0) for block in sheet.weights.layout.blocks[3:])}


@given(st.lists(st.floats(-2, 2), min_size=17, max_size=17), st.floats(0.01, 3))
def test_a_weight_beyond_the_limits_never_goes_further_beyond(values, step):
    text = ",".join(f"{value:.3f}" for value in values)
    sheet = plot_helper_of(text, "sd1", "", round(step, 2), (0.0, 1.0))
    for planned in sheet.rounds["SubAdd"].variants:
        if planned.block is not None:
            now = sheet.weights.weight(planned.block)
            assert min(0.0, now) <= planned.value <= max(1.0, now)


def test_limits_without_room_are_refused():
    with pytest.raises(BlockweightError, match="limits 1 and 0 leave no room; give the lower one first"):
        plot_helper_of(WEIGHTS, "sd1", "", 0.5, (1.0, 0.0))


def test_sdxls_middle_block_has_three_learning_rates():
    rates = lr_weights(uniform("a", family_by_name("sdxl").layout, 0.5).with_weights({"M00": 0.25}))
    assert (len(rates.down), rates.mid, len(rates.up)) == (9, (0.25,) * 3, 9)


def test_the_17_weights_leave_the_other_blocks_to_train_as_they_would():
    rates = lr_weights(uniform("a", SHORT, 0.0))
    assert rates.down == (1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1)
    assert rates.up == (1, 1, 1, *[0] * 9)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.layouts], ids=lambda family: family.name)
def test_every_family_has_a_sheet_that_json_can_hold(family):
    weights = uniform("a", family.layout, 0.5)
    sheet = plot_helper_of(weights.text(), family.name, "", 0.5)
    assert json.loads(json.dumps(sheet.facts())) == sheet.facts()
    assert (sheet.lr_weight is None) == (family.name not in {"sd1", "sd2", "sdxl"})
