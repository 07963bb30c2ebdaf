"""Which pairs are rendered."""

import pytest
from tests.workshop import FULL

from blockweight.errors import BlockweightError
from blockweight.plan import plan_block_analysis, plan_pairs


def test_every_two_blocks_are_a_pair_once():
    plan = plan_pairs(FULL, ["IN04", "M00", "OUT03", "OUT04"], 0.0, 1.0)
    assert len(plan.variants()) == 1 + 4 + 6
    assert [pair for pair, _ in plan.pairs][:3] == [("IN04", "M00"), ("IN04", "OUT03"), ("IN04", "OUT04")]


def test_a_pair_has_both_blocks_at_the_value():
    (pair, variant), *_ = plan_pairs(FULL, ["IN04", "M00"], 0.5, 1.0).pairs
    assert variant.label == "IN04+M00_0.5"
    assert tuple(block for block, weight in variant.weights.items() if weight == 0.5) == pair


def test_singles_are_those_of_an_analysis_so_that_their_pictures_serve():
    pairs, analysis = plan_pairs(FULL, ["IN04", "M00"], 0.5, 1.0), plan_block_analysis(FULL, ["IN04", "M00"], 0.5, 1.0)
    assert pairs.source == analysis.source
    assert [variant.weights.values for _, variant in pairs.singles] == [
        variant.weights.values for _, variant in analysis.changed
    ]


def test_one_block_makes_no_pair():
    with pytest.raises(BlockweightError, match="IN04 is alone"):
        plan_pairs(FULL, ["IN04"], 0.5, 1.0)


def test_pairs_among_other_blocks_are_changed_in_their_source():
    source = plan_block_analysis(FULL, ["IN04", "M00", "REST"], 0.0, 0.5).source
    plan = plan_pairs(FULL, ["IN04", "M00"], 0.0, 0.5, source.weights)
    assert {variant.weights.rest for variant in plan.variants()} == {0.5}
