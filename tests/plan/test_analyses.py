"""What the Effective Block Analyzer renders."""

from __future__ import annotations

import pytest

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.plan import plan_block_analysis
from workshop import FULL


def test_each_block_in_turn_stands_alone_at_the_value():
    plan = plan_block_analysis(FULL, ["IN01", "M00"], 0.5, 1.0)
    assert plan.blocks == ("IN01", "M00")
    for block, variant in plan.changed:
        assert dict(variant.weights.items()) == {**dict.fromkeys(FULL.blocks, 1.0), block: 0.5}
        assert variant.label == f"{block}_0.5"


def test_the_source_has_every_block_at_the_base_and_comes_first():
    plan = plan_block_analysis(FULL, FULL.blocks, 0.5, 1.0)
    source, *changed = plan.variants()
    assert set(source.weights.values) == {1.0}
    assert [variant for _, variant in plan.changed] == changed
    assert len(changed) == 26


def test_an_unknown_block_is_refused():
    with pytest.raises(BlockweightError, match="no block 'OUT12'"):
        plan_block_analysis(FULL, ["OUT12"], 0.5, 1.0)


def test_rest_keeps_its_whole_weight_unless_it_is_under_test():
    plan = plan_block_analysis(FULL, ["IN01"], 0.25, 0.75)
    assert {variant.weights.rest for variant in plan.variants()} == {1.0}
    plan = plan_block_analysis(FULL, ["IN01", REST], 0.25, 0.75)
    assert [variant.weights.rest for variant in plan.variants()] == [0.75, 0.75, 0.25]
    _, rest = plan.changed[1]
    assert (set(rest.weights.values), rest.label) == ({0.75}, "REST_0.25")
