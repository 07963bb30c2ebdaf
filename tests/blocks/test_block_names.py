"""Module → block, for SD1, and the spellings of a block's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import REST, Module, canonical_block
from workshop import FULL, SD1, SHORT

ATTENTION = (
    "proj_in",
    "proj_out",
    "norm",
    *(
        f"transformer_blocks_0_{layer}"
        for layer in (
            "norm1",
            "norm2",
            "norm3",
            "ff_net_0_proj",
            "ff_net_2",
            *(f"attn{n}_{name}" for n in (1, 2) for name in ("to_q", "to_k", "to_v", "to_out_0")),
        )
    ),
)
RESNET = ("norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut")


def unet() -> dict[str, str]:
    """Every layer of SD1's UNet in diffusers' names → its block, spelled out level by level."""
    blocks = {"conv_in": "IN00"}
    down = (("IN01", "IN02", "IN03"), ("IN04", "IN05", "IN06"), ("IN07", "IN08", "IN09"), ("IN10", "IN11", None))
    up = (("OUT00", "OUT01", "OUT02"), ("OUT03", "OUT04", "OUT05"), ("OUT06", "OUT07", "OUT08"))
    up += (("OUT09", "OUT10", "OUT11"),)
    for level, (*layers, sampler) in enumerate(down):
        for number, block in enumerate(layers):
            blocks |= {f"down_blocks_{level}_resnets_{number}_{layer}": block for layer in RESNET}
            if level < 3:
                blocks |= {f"down_blocks_{level}_attentions_{number}_{layer}": block for layer in ATTENTION}
        if sampler is not None:
            blocks[f"down_blocks_{level}_downsamplers_0_conv"] = sampler
    for level, layers in enumerate(up):
        for number, block in enumerate(layers):
            blocks |= {f"up_blocks_{level}_resnets_{number}_{layer}": block for layer in RESNET}
            if level > 0:
                blocks |= {f"up_blocks_{level}_attentions_{number}_{layer}": block for layer in ATTENTION}
        if level < 3:
            blocks[f"up_blocks_{level}_upsamplers_0_conv"] = layers[-1]
    blocks |= {f"mid_block_attentions_0_{layer}": "M00" for layer in ATTENTION}
    blocks |= {f"mid_block_resnets_{number}_{layer}": "M00" for number in (0, 1) for layer in RESNET}
    return blocks | dict.fromkeys(
        ("time_embedding_linear_1", "time_embedding_linear_2", "conv_norm_out", "conv_out"), REST
    )


UNET = unet()


@pytest.mark.parametrize("path", UNET)
def test_every_layer_of_the_unet_has_the_block_of_its_level(path):
    assert SD1.block_of(Module("unet", path)) == UNET[path]


@pytest.mark.parametrize("path", UNET)
def test_at_most_one_block_claims_a_layer(path):
    claims = {rule.match(Module("unet", path)) for rule in SD1.rules} - {None}
    assert len(claims) <= 1


def test_the_unets_layers_fill_all_blocks_but_base():
    assert set(UNET.values()) - {REST} == set(FULL.blocks) - {"BASE"}


def test_the_17_blocks_are_base_and_those_with_attention():
    attentive = {block for path, block in UNET.items() if "attentions" in path}
    assert SHORT.blocks == tuple(block for block in FULL.blocks if block == "BASE" or block in attentive)


@pytest.mark.parametrize(
    ("diffusers", "original"),
    [
        ("conv_in", "input_blocks_0_0"),
        ("down_blocks_0_attentions_1_proj_in", "input_blocks_2_1_proj_in"),
        ("down_blocks_0_downsamplers_0_conv", "input_blocks_3_0_op"),
        ("down_blocks_2_attentions_0_proj_in", "input_blocks_7_1_proj_in"),
        ("down_blocks_3_resnets_1_conv1", "input_blocks_11_0_in_layers_2"),
        ("mid_block_resnets_1_conv1", "middle_block_2_in_layers_2"),
        ("up_blocks_0_upsamplers_0_conv", "output_blocks_2_1_conv"),
        ("up_blocks_1_attentions_0_proj_in", "output_blocks_3_1_proj_in"),
        ("up_blocks_3_attentions_2_proj_in", "output_blocks_11_1_proj_in"),
    ],
)
def test_both_names_of_a_layer_have_one_block(diffusers, original):
    assert SD1.block_of(Module("unet", diffusers)) == SD1.block_of(Module("unet", original)) != REST


@given(st.from_regex(r"[a-z0-9_]{0,12}((down|up|input|output)_blocks_[0-9]{1,3}_[a-z]{1,9}_[0-9]{1,2}_)?.{0,20}"))
def test_any_module_has_exactly_one_block_of_the_layout_or_is_rest(path):
    for component in ("unet", "text_encoder", "text_encoder_2", "transformer"):
        assert SD1.block_of(Module(component, path)) in (*FULL.blocks, REST)


@pytest.mark.parametrize(
    "path",
    [
        f"input_blocks_{'9' * 5000}_0",  # more digits than int() takes
        "input_blocks_12_0",
        "input_blocks_１_0",  # a full-width digit
        "down_blocks_4_resnets_0_conv1",
        "up_blocks_4_upsamplers_0_conv",
    ],
)
def test_a_number_that_the_model_does_not_have_is_rest(path):
    assert SD1.block_of(Module("unet", path)) == REST


@pytest.mark.parametrize("name", ["M00", "MID", "mid", " Mid ", "m00", "MID00"])
def test_the_middle_has_several_spellings(name):
    assert canonical_block(name) == "M00"


@given(st.text(max_size=10))
def test_a_canonical_name_stays_as_it_is(name):
    assert canonical_block(canonical_block(name)) == canonical_block(name)
