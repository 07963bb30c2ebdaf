"""The LoRA that is trained here has the modules that sd-scripts would give it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.train import Training, read_back
from blockweight.train.network import Network, by_rate, network_metadata
from blockweight.weights import BLOCK_ORDER, BlockWeights, from_mapping, uniform

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "sd_scripts_block_lr.json").read_text(encoding="utf-8"))
LAYOUT = layout_by_name("sd1-26")
PLAIN = uniform("plain", LAYOUT, 1)


def network(weights=PLAIN, ranks=None, *, conv=None, te=1e-4, alpha=1.0, conv_in=False) -> Network:
    return Network(Training(weights, 1e-3, te, 4, alpha, conv, 0.5), ranks, conv_in)


def names(found: Network) -> set[str]:
    return {each.lora_name for each in found.adapters(12) if each.part == "unet"}


@pytest.mark.parametrize("conv", [None, 2])
@given(zero=st.sets(st.sampled_from(LAYOUT.blocks[1:]), max_size=24))
def test_a_block_with_rate_0_is_left_out_exactly_as_sd_scripts_leaves_it_out(conv, zero):
    weights = PLAIN.with_weights(dict.fromkeys(zero, 0.0))
    kept = {row["key"] for row in ORACLE["sd15"] if (conv or row["lierla"]) and row["block"] not in zero}
    wholly = names(network(weights, conv=conv)) if kept else kept
    assert wholly & {row["key"] for row in ORACLE["sd15"]} == kept


@pytest.mark.parametrize(("conv", "count"), [(None, 192), (4, 278)])
def test_there_are_as_many_modules_as_sd_scripts_makes(conv, count):
    assert len(names(network(conv=conv))) == count


def test_kernels_of_3x3_have_the_convolutions_rank_and_alpha():
    ranks = {row["key"]: row["dim_arg"] for row in ORACLE["sd15"]}
    for each in network(conv=2).adapters(12):
        if each.lora_name in ranks:
            assert (each.rank, each.alpha) == ((2, 0.5) if ranks[each.lora_name] == "conv_dim" else (4, 1.0)), each


def test_the_first_convolution_is_in00_and_comes_only_where_it_is_wanted():
    plain, wanted = network(conv=2), network(conv=2, conv_in=True)
    assert names(wanted) - names(plain) == {"lora_unet_conv_in"}
    first = next(each for each in wanted.adapters(12) if each.path == "conv_in")
    assert (first.block, first.rank, first.alpha) == ("IN00", 2, 0.5)
    assert wanted.arguments() == {**plain.arguments(), "conv_in": "True"}
    assert names(network(PLAIN.with_weights({"IN00": 0}), conv=2, conv_in=True)) == names(plain)
    with pytest.raises(BlockweightError, match="such as --conv-dim 4"):
        network(conv_in=True)


def test_rates_multiply_the_unets_and_base_the_text_encoders():
    weights = PLAIN.with_weights({"IN04": 0.5, "BASE": 0.1})
    rates = {each.block: each.rate for each in network(weights).adapters(2)}
    assert (rates["IN04"], rates["OUT03"], rates["BASE"]) == (5e-4, 1e-3, 1e-5)
    assert {rate: {each.block for each in group} for rate, group in by_rate(network(weights).adapters(2)).items()}[
        5e-4
    ] == {"IN04"}


@pytest.mark.parametrize("choice", [{"te": 0.0}, {"weights": PLAIN.with_weights({"BASE": 0.0})}])
def test_a_text_encoder_at_rate_0_is_left_out(choice):
    assert {each.part for each in network(**choice).adapters(12)} == {"unet"}


def test_nothing_to_train_is_refused():
    with pytest.raises(BlockweightError, match="no module would be trained"):
        network(uniform("zero", LAYOUT, 0)).adapters(12)
    only_resnets = uniform("zero", LAYOUT, 0).with_weights({"IN03": 1.0})
    with pytest.raises(BlockweightError, match="no module would be trained"):
        network(only_resnets).adapters(12)
    assert names(network(only_resnets, conv=1)) == {"lora_unet_down_blocks_0_downsamplers_0_conv"}


def test_blocks_have_ranks_of_their_own_and_0_leaves_one_out():
    ranks = uniform("ranks", LAYOUT, 8).with_weights({"BASE": 2, "IN04": 0, "M00": 16})
    found = network(ranks=ranks, conv=3).adapters(1)
    by_block = {(each.block, each.alpha): each.rank for each in found}
    assert (by_block["BASE", 1.0], by_block["M00", 1.0], by_block["M00", 0.5]) == (2, 16, 3)
    assert "IN04" not in {each.block for each in found}


@pytest.mark.parametrize("rank", [-1, 1.5, 5000])
def test_ranks_that_are_none_are_refused(rank):
    with pytest.raises(BlockweightError, match="The rank of IN04"):
        network(ranks=uniform("ranks", LAYOUT, 8).with_weights({"IN04": rank}))


@given(st.lists(st.sampled_from([0, 0.25, 0.5, 1, 2]), min_size=26, max_size=26))
def test_rates_are_read_back_from_the_metadata(values):
    weights = BlockWeights("any", LAYOUT, tuple(values))
    metadata = network_metadata(network(weights), v_prediction=False)
    found = read_back(from_mapping(metadata), LAYOUT, None).blocks
    wanted = {block: value for block, value in weights.items() if block != "BASE"}
    assert found == wanted or (found is None and set(wanted.values()) == {1.0})


def test_ranks_are_recorded_as_sd_scripts_takes_them():
    ranks = uniform("ranks", LAYOUT, 8).with_weights({"IN04": 0})
    arguments = network(ranks=ranks, conv=2).arguments()
    at = BLOCK_ORDER["sd1"].index("IN04")
    assert [len(arguments[key].split(",")) for key in ("block_dims", "conv_block_dims", "block_alphas")] == [25] * 3
    assert (arguments["block_dims"].split(",")[at], arguments["conv_block_dims"].split(",")[at]) == ("0", "0")


def test_plain_networks_need_no_arguments():
    assert network().arguments() == {}
