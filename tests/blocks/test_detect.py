"""Which family a LoRA belongs to, by its keys alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_names import ALONE, CROSS, FILES, FLUX_DOUBLE, JOINT, LUMINA, each

from blockweight.blocks import FAMILIES, Module, detect_family, family_by_name, layout_by_name, module_of, recognises
from workshop import FULL, SD1, module_in

GENERIC = family_by_name("generic")
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"
TEXT_1 = "lora_te1_text_model_encoder_layers_0_mlp_fc1"


def modules(*names: str) -> list[Module]:
    found = [module_of(name) for name in names]
    assert None not in found
    return [module for module in found if module is not None]


@pytest.mark.parametrize("kind", FILES)
def test_a_lora_is_known_by_its_keys(kind):
    layout, names = FILES[kind]
    assert detect_family(modules(*names)).name == layout_by_name(layout).family


@pytest.mark.parametrize("kind", FILES)
def test_the_order_of_the_keys_does_not_matter(kind):
    shuffled = modules(*FILES[kind][1])
    random.Random(1).shuffle(shuffled)
    assert detect_family(shuffled) is detect_family(modules(*FILES[kind][1]))


@pytest.mark.parametrize("kind", FILES)
def test_a_lora_of_another_family_is_not_recognised_as_sd1(kind):
    layout, names = FILES[kind]
    assert recognises(SD1, modules(*names)) is (layout_by_name(layout).family == "sd1")


@pytest.mark.parametrize("kind", FILES)
def test_a_lora_is_recognised_as_of_the_family_that_was_detected(kind):
    layout, names = FILES[kind]
    assert recognises(family_by_name(layout_by_name(layout).family), modules(*names))


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("flux2 klein 9B diffusers", "flux1"),
        ("hunyuan-video kohya", "flux1"),
        ("flux1, few double blocks with modulation", "flux2"),
        ("qwen-image", "sd3"),
        ("wan 14B", "anima"),
        ("anima with adapter", "cosmos-predict2"),
        ("zimage diffusers", "lumina2"),
        ("hunyuan-image diffusers", "hunyuan-video"),
        ("sdxl kohya", "sd2"),
    ],
)
def test_what_only_another_family_has_speaks_against_one(kind, other):
    assert not recognises(family_by_name(other), modules(*FILES[kind][1]))


@pytest.mark.parametrize("block", FULL.blocks)
def test_a_module_of_any_block_is_enough_to_know_sd1(block):
    assert detect_family(modules(module_in(block))) is SD1


def test_modules_that_no_block_claims_do_not_hide_the_family():
    assert detect_family(modules(TEXT, module_in("IN04"), "lora_unet_time_embedding_linear_1")) is SD1


@pytest.mark.parametrize(
    ("names", "family"),
    [
        pytest.param([TEXT], "sd1", id="one encoder of 12 layers"),
        pytest.param(["lora_te_text_model_encoder_layers_22_mlp_fc1"], "sd2", id="one of 23"),
        pytest.param([TEXT_1, "lora_te2_text_model_encoder_layers_31_mlp_fc1"], "sdxl", id="two"),
        pytest.param([TEXT_1, "lora_te3_encoder_block_0_layer_0_SelfAttention_q"], "flux1", id="CLIP and T5"),
    ],
)
def test_a_lora_of_text_encoders_alone_is_known_by_them(names, family):
    assert detect_family(modules(*names)).name == family


@pytest.mark.parametrize(
    ("names", "family"),
    [
        pytest.param(each(19, *JOINT), "flux1", id="19 joint blocks"),
        pytest.param(each(24, *JOINT), "sd3", id="24"),
        pytest.param(each(38, *JOINT), "sd3", id="38"),
        pytest.param(each(20, *JOINT) + each(40, *ALONE), "hunyuan-video", id="20 and 40"),
        pytest.param(each(8, *FLUX_DOUBLE), "flux2", id="8 double blocks"),
        pytest.param(each(28, *CROSS), "ltx", id="28 with cross attention"),
        pytest.param(each(26, *LUMINA), "lumina2", id="26 layers"),
        pytest.param(each(30, *LUMINA), "zimage", id="30 layers"),
    ],
)
def test_the_number_of_blocks_tells_families_with_equal_names_apart(names, family):
    assert detect_family(modules(*names)).name == family


@pytest.mark.parametrize(
    ("names", "family"),
    [
        pytest.param(["lora_unet_mid_block_attentions_0_proj_in"], "sd1", id="the middle of any UNet"),
        pytest.param([LUMINA[0].replace("N", "3")], "zimage", id="one layer"),
        pytest.param(each(28, "lora_unet_blocks_N_self_attn_q_proj"), "anima", id="28 blocks of Anima or Cosmos"),
    ],
)
def test_among_equals_the_more_common_family_is_taken(names, family):
    assert detect_family(modules(*names)).name == family


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="nothing"),
        pytest.param(["lora_unet_time_embedding_linear_1"], id="no block at all"),
        pytest.param(["lora_unet_img_in"], id="an embedder that several models have"),
        pytest.param([module_in("IN04"), "lora_unet_double_blocks_0_img_attn_qkv"], id="two families in one"),
    ],
)
def test_keys_that_do_not_tell_give_no_family(names):
    assert detect_family(modules(*names)) is None


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(each(36, "transformer.joint_transformer_blocks.N.attn.to_q"), id="AuraFlow"),
        pytest.param(
            each(30, "transformer.transformer_blocks.N.attn1.to_q", "transformer.ref_blocks.N.to_q"), id="unnamed"
        ),
        pytest.param(each(34, "diffusion_model.layers.N.attention.o"), id="Ideogram 4"),
        pytest.param(each(99, *JOINT), id="more blocks than any model with these names"),
        pytest.param(
            each(42, "transformer.transformer_blocks.N.attn1.to_q", "transformer.patch_embed.proj"), id="CogVideoX"
        ),
    ],
)
def test_a_model_that_is_not_known_is_guessed(names):
    assert detect_family(modules(*names)) is GENERIC


def test_a_flux_of_more_blocks_is_still_flux_if_its_modules_show_it():
    names = each(60, "diffusion_model.single_blocks.N.modulation.lin")
    assert detect_family(modules(*names)).name == "flux1"


@given(st.lists(st.builds(Module, st.sampled_from(["unet", "transformer", "text_encoder", "x"]), st.text(max_size=30))))
def test_no_modules_break_the_detection(found):
    assert detect_family(found) in (None, *FAMILIES)
    for family in FAMILIES:
        assert recognises(family, found) in (True, False)
