"""Elemental presets baked into a file."""

from __future__ import annotations

import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, open_lora, provenance_of, verify_baked
from blockweight.weights import parse_elemental, uniform
from workshop import FULL, write_lora_file

ATTENTION = "lora_unet_down_blocks_1_attentions_1_transformer_blocks_0_attn1_to_q"
FEED_FORWARD = "lora_unet_down_blocks_1_attentions_1_transformer_blocks_0_ff_net_2"


def test_the_ratio_stands_for_the_blocks_weight_where_it_meets_a_module(tmp_path):
    source = write_lora_file(tmp_path / "a.safetensors", ["BASE"], [ATTENTION, FEED_FORWARD])
    weights, elemental = uniform("a", FULL, 0.5), parse_elemental("IN05:attn:0.25", FULL)
    report = bake(source, weights, tmp_path / "b.safetensors", Recipe(elemental=elemental))
    by_path = {check.module.path[-8:]: check.weight for check in report.check.modules}
    assert by_path == {"_mlp_fc1": 0.5, "tn1_to_q": 0.25, "ff_net_2": 0.5}
    assert verify_baked(source, weights, report.out, Recipe(elemental=elemental)).count("scaled") == 3
    with pytest.raises(BlockweightError, match=r"is off by 0\.5"):
        verify_baked(source, weights, report.out)


def test_the_baked_file_says_which_elements(tmp_path):
    source = write_lora_file(tmp_path / "a.safetensors", ["BASE"], [ATTENTION])
    elemental = parse_elemental("::0.5", FULL)
    report = bake(source, uniform("a", FULL, 1.0), tmp_path / "b.safetensors", Recipe(elemental=elemental))
    told = provenance_of(report.out, open_lora(report.out, family_by_name("sd1")).header.metadata)
    assert told.recipe.elemental == elemental
