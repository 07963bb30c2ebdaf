"""Which family a LoRA belongs to."""

from __future__ import annotations

import pytest

from blockweight.blocks import FAMILIES, Module, detect_family, family_by_name, module_of
from blockweight.errors import BlockweightError
from workshop import FULL, SD1, module_in

TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"
TEXT_1 = "lora_te1_text_model_encoder_layers_0_mlp_fc1"


def modules(*names: str) -> list[Module]:
    found = [module_of(name) for name in names]
    assert None not in found
    return [module for module in found if module is not None]


@pytest.mark.parametrize("block", FULL.blocks)
def test_a_module_of_any_block_is_enough_to_know_sd1(block):
    assert detect_family(modules(module_in(block))) is SD1


def test_modules_that_no_block_claims_do_not_hide_the_family():
    assert detect_family(modules(TEXT, module_in("IN04"), "lora_unet_time_embedding_linear_1")) is SD1


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="nothing"),
        pytest.param(["lora_unet_time_embedding_linear_1"], id="no block at all"),
        pytest.param(
            ["lora_unet_down_blocks_1_attentions_0_transformer_blocks_1_attn1_to_q", TEXT_1],
            id="sdxl, diffusers' names",
        ),
        pytest.param(["lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", TEXT_1], id="sdxl, its own names"),
        pytest.param([TEXT_1, "lora_te2_text_model_encoder_layers_0_mlp_fc1"], id="sdxl, text encoders only"),
        pytest.param(["lora_unet_double_blocks_0_img_attn_proj", TEXT_1], id="flux"),
        pytest.param(["lora_unet_single_blocks_0_linear1"], id="flux, single blocks"),
        pytest.param(["lora_unet_joint_blocks_0_context_block_attn_qkv", TEXT_1], id="sd3 with one text encoder"),
        pytest.param(["lora_unet_blocks_0_cross_attn_k"], id="wan"),
    ],
)
def test_a_lora_of_another_family_is_not_taken_for_sd1(names):
    assert detect_family(modules(*names)) is None


def test_names_of_families_and_layouts_are_unique():
    names = [family.name for family in FAMILIES] + [layout.name for family in FAMILIES for layout in family.layouts]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_first_layout_names_every_block_and_lengths_tell_layouts_apart(family):
    assert all(set(layout.blocks) <= set(family.layout.blocks) for layout in family.layouts)
    assert all(len(set(layout.blocks)) == len(layout) for layout in family.layouts)
    assert len({len(layout) for layout in family.layouts}) == len(family.layouts)
    assert all(layout.family == family.name for layout in family.layouts)


def test_sd1_has_26_and_17_blocks_in_lora_block_weights_order():
    assert [len(layout) for layout in SD1.layouts] == [26, 17]
    assert FULL.blocks[:3] == ("BASE", "IN00", "IN01")
    assert FULL.blocks[12:16] == ("IN11", "M00", "OUT00", "OUT01")
    assert ",".join(SD1.layouts[1].blocks) == (
        "BASE,IN01,IN02,IN04,IN05,IN07,IN08,M00,OUT03,OUT04,OUT05,OUT06,OUT07,OUT08,OUT09,OUT10,OUT11"
    )


@pytest.mark.parametrize("name", ["sd1", " SD1 "])
def test_a_family_is_found_by_name(name):
    assert family_by_name(name) is SD1


def test_an_unknown_family_is_an_error_with_the_known_ones():
    with pytest.raises(BlockweightError, match=r"no family called 'sd9'; use one of: sd1"):
        family_by_name("sd9")
