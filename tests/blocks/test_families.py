"""The families and their layouts: names, order and released counts."""

from __future__ import annotations

import pytest
from lora_names import FILES, each

from blockweight.blocks import (
    FAMILIES,
    REST,
    Module,
    all_layouts,
    family_by_name,
    layout_by_name,
    layouts_of_length,
    module_of,
)
from blockweight.errors import BlockweightError
from workshop import FULL, SD1

KNOWN = [family for family in FAMILIES if not family.guessed]
GENERIC = family_by_name("generic")

RELEASED = {
    "sd1-26": {"BASE": 1, "IN": 12, "M": 1, "OUT": 12},
    "sd1-17": {"BASE": 1, "IN": 6, "M": 1, "OUT": 9},
    "sd2-26": {"BASE": 1, "IN": 12, "M": 1, "OUT": 12},
    "sd2-17": {"BASE": 1, "IN": 6, "M": 1, "OUT": 9},
    "sdxl-20": {"BASE": 1, "IN": 9, "M": 1, "OUT": 9},
    "sdxl-12": {"BASE": 1, "IN": 4, "M": 1, "OUT": 6},
    "flux1-61": {"CLIP": 1, "T5": 1, "IN": 1, "D": 19, "S": 38, "OUT": 1},
    "flux2-58": {"IN": 1, "D": 8, "S": 48, "OUT": 1},
    "flux2-34": {"IN": 1, "D": 8, "S": 24, "OUT": 1},
    "flux2-27": {"IN": 1, "D": 5, "S": 20, "OUT": 1},
    "sd3-42": {"CLIP": 1, "T5": 1, "IN": 1, "J": 38, "OUT": 1},
    "sd3-28": {"CLIP": 1, "T5": 1, "IN": 1, "J": 24, "OUT": 1},
    "zimage-36": {"IN": 1, "NR": 2, "CR": 2, "L": 30, "OUT": 1},
    "lumina2-33": {"BASE": 1, "IN": 1, "CR": 2, "NR": 2, "L": 26, "OUT": 1},
    "qwen-image-62": {"IN": 1, "B": 60, "OUT": 1},
    "wan-42": {"IN": 1, "B": 40, "OUT": 1},
    "wan-32": {"IN": 1, "B": 30, "OUT": 1},
    "wan-50": {"IN": 1, "B": 40, "V": 8, "OUT": 1},
    "wan-47": {"IN": 1, "B": 30, "V": 15, "OUT": 1},
    "hunyuan-video-62": {"IN": 1, "D": 20, "S": 40, "OUT": 1},
    "hunyuan-video-56": {"IN": 1, "D": 54, "OUT": 1},
    "hunyuan-image-62": {"IN": 1, "D": 20, "S": 40, "OUT": 1},
    "ltx-50": {"IN": 1, "B": 48, "OUT": 1},
    "ltx-30": {"IN": 1, "B": 28, "OUT": 1},
    "anima-37": {"BASE": 1, "A": 6, "IN": 1, "B": 28, "OUT": 1},
    "cosmos-predict2-38": {"IN": 1, "B": 36, "OUT": 1},
    "cosmos-predict2-30": {"IN": 1, "B": 28, "OUT": 1},
    "krea2-34": {"IN": 1, "TL": 2, "TR": 2, "B": 28, "OUT": 1},
    "hidream-50": {"IN": 1, "D": 16, "S": 32, "OUT": 1},
    "kandinsky5-66": {"IN": 1, "T": 4, "B": 60, "OUT": 1},
    "kandinsky5-54": {"IN": 1, "T": 2, "B": 50, "OUT": 1},
    "kandinsky5-36": {"IN": 1, "T": 2, "B": 32, "OUT": 1},
}
"""Layout → its series in order, with the released counts."""


def modules(*names: str) -> list[Module]:
    return [module for module in map(module_of, names) if module is not None]


@pytest.mark.parametrize("name", RELEASED)
def test_a_layout_has_the_released_number_of_blocks_in_order(name):
    counts: dict[str, int] = {}
    for block in layout_by_name(name).blocks:
        series = block if block == "T5" else block.rstrip("0123456789")
        counts[series] = counts.get(series, 0) + 1
    assert list(counts.items()) == list(RELEASED[name].items())


def test_every_layout_is_a_released_one():
    assert {layout.name for family in KNOWN for layout in family.layouts} == set(RELEASED)


def test_names_of_families_and_layouts_are_unique():
    names = [family.name for family in FAMILIES] + [layout.name for layout in all_layouts()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", KNOWN, ids=lambda family: family.name)
def test_lengths_tell_a_familys_layouts_apart(family):
    assert all(len(set(layout.blocks)) == len(layout) for layout in family.layouts)
    assert len({len(layout) for layout in family.layouts}) == len(family.layouts)
    assert all(layout.family == family.name for layout in (*family.layouts, *family.other_layouts))


@pytest.mark.parametrize("family", KNOWN, ids=lambda family: family.name)
def test_the_full_layouts_stand_before_the_partial_ones_which_they_hold(family):
    partial = [layout.partial for layout in family.layouts]
    assert partial == sorted(partial)
    assert all(set(layout.blocks) < set(family.layout.blocks) for layout in family.layouts if layout.partial)


def test_sd1_has_lora_block_weights_order():
    assert FULL.blocks[:3] == ("BASE", "IN00", "IN01")
    assert FULL.blocks[12:16] == ("IN11", "M00", "OUT00", "OUT01")
    assert ",".join(SD1.layouts[1].blocks) == (
        "BASE,IN01,IN02,IN04,IN05,IN07,IN08,M00,OUT03,OUT04,OUT05,OUT06,OUT07,OUT08,OUT09,OUT10,OUT11"
    )


def test_sdxls_standard_layout_is_lora_block_weights_12():
    assert ",".join(layout_by_name("sdxl-12").blocks) == (
        "BASE,IN04,IN05,IN07,IN08,M00,OUT00,OUT01,OUT02,OUT03,OUT04,OUT05"
    )


@pytest.mark.parametrize(
    ("length", "names"),
    [
        (12, ["sdxl-12"]),
        (17, ["sd1-17", "sd2-17"]),
        (20, ["sdxl-20"]),
        (21, ["sdxl-inspire-21"]),
        (26, ["sd1-26", "sd2-26"]),
        (27, ["sd1-inspire-27", "sd2-inspire-27", "flux2-27"]),
        (58, ["flux1-inspire-58", "flux2-58"]),
        (61, ["flux1-61", "hunyuan-video-inspire-61"]),
        (13, []),
    ],
)
def test_layouts_are_found_by_length(length, names):
    assert [layout.name for layout in layouts_of_length(length)] == names


def test_an_unknown_layout_is_an_error_with_the_nearest_names():
    with pytest.raises(BlockweightError, match=r"no layout called 'sdxl-21'; did you mean .*sdxl-20.*blocks --list"):
        layout_by_name("sdxl-21")


def test_the_inspire_packs_three_middles_are_all_our_m00():
    layout = layout_by_name("sdxl-inspire-21")
    assert layout.blocks[8:13] == ("IN08", "MID0", "MID1", "MID2", "OUT00")
    assert [layout.stands_for(name) for name in layout.blocks[9:12]] == [("M00",)] * 3
    assert "IN00" not in layout.blocks


def test_the_inspire_packs_base_is_all_that_stands_in_no_block():
    assert layout_by_name("flux1-inspire-58").stands_for("BASE") == ("CLIP", "T5", "IN", "OUT", REST)
    assert layout_by_name("sd1-inspire-27").stands_for("BASE") == ("BASE", REST)


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
def test_every_entry_of_a_layout_stands_for_blocks_of_its_family(layout):
    known = {block for own in family_by_name(layout.family).layouts for block in own.blocks} | {REST}
    assert all(set(layout.stands_for(name)) <= known for name in layout.blocks)


def test_an_entry_that_a_layout_lacks_stands_for_nothing():
    with pytest.raises(KeyError):
        layout_by_name("sd1-17").stands_for("IN00")


@pytest.mark.parametrize("kind", FILES)
def test_the_shortest_layout_that_names_all_blocks_fits_a_lora(kind):
    layout, names = FILES[kind]
    assert family_by_name(layout_by_name(layout).family).layout_for(modules(*names)).name == layout


def test_a_fitted_family_has_the_files_model_first_and_the_other_sizes_after_it():
    fitted = family_by_name("flux2").fitted(modules(*FILES["flux2 klein 4B"][1]))
    assert [layout.name for layout in fitted.layouts] == ["flux2-27", "flux2-58", "flux2-34"]


def test_a_standard_lora_does_not_make_the_model_smaller():
    assert SD1.fitted(modules(*FILES["sd1 standard"][1])) is SD1


def test_a_model_larger_than_every_released_one_gets_a_layout_made_to_measure():
    fitted = family_by_name("wan").fitted(modules(*each(46, "blocks.N.self_attn.q"), "lora_unet_head_head"))
    assert fitted.layout.blocks == ("IN", *(f"B{n:02}" for n in range(46)), "OUT")
    assert (fitted.layout.name, len(fitted.layouts)) == ("wan-b46", 5)


def test_a_guessed_family_has_the_blocks_that_its_modules_number():
    names = [*each(2, "transformer.joint_blocks.N.x"), "transformer.refiner.1.x", "lora_te_model_layers_3_x", "x.0.y"]
    fitted = GENERIC.fitted(modules(*names, "transformer.proj_out"))
    assert fitted.layout.blocks == ("BASE", "JOINT_BLOCKS00", "JOINT_BLOCKS01", "REFINER00", "REFINER01")
    assert fitted.guessed
    assert [fitted.block_of(module) for module in modules(names[2], "transformer.proj_out")] == ["REFINER01", REST]


def test_the_guess_says_that_it_is_one():
    assert "guess" in GENERIC.title


def test_a_guess_without_a_file_has_no_layout_and_says_why():
    with pytest.raises(BlockweightError, match=r"generic has no blocks of its own.*give a LoRA file"):
        _ = GENERIC.layout


@pytest.mark.parametrize(
    ("family", "module", "block"),
    [
        ("sd3", "lora_unet_joint_blocks_7_context_block_attn_qkv", "J07"),
        ("sd3", "transformer.time_text_embed.text_embedder.linear_1", "IN"),
        ("sd3", "lora_te2_text_model_encoder_layers_0_mlp_fc1", "CLIP"),
        ("flux1", "lora_unet_double_blocks_3_img_attn_q", "D03"),
        ("flux1", "diffusion_model.distilled_guidance_layer.in_proj", "IN"),
        ("flux1", "text_encoder_2.encoder.block.3.layer.0.SelfAttention.q", "T5"),
        ("flux1", "text_encoders.t5xxl.transformer.shared", "T5"),
        ("flux1", "lora_unet_final_layer_adaLN_modulation_1", "OUT"),
        ("flux1", "lora_unet_pos_embed", REST),
        ("flux2", "lora_unet_single_stream_modulation_lin", "IN"),
        ("flux2", "transformer.double_stream_modulation_img.linear", "IN"),
        ("lumina2", "lora_te_model_layers_3_self_attn_q_proj", "BASE"),
        ("lumina2", "lora_unet_noise_refiner_1_attention_qkv", "NR01"),
        ("zimage", "transformer.all_final_layer.2-1.linear", "OUT"),
        ("zimage", "transformer.context_refiner.1.attention.to_q", "CR01"),
        ("hunyuan-video", "lora_unet_txt_in_individual_token_refiner_blocks_1_self_attn_qkv", "IN"),
        ("hunyuan-video", "transformer.context_embedder.token_refiner.refiner_blocks.1.attn.to_q", "IN"),
        ("wan", "diffusion_model.vace_blocks.3.self_attn.q", "V03"),
        ("wan", "diffusion_model.time_projection.1", "IN"),
        ("wan", "diffusion_model.head.head", "OUT"),
        ("qwen-image", "transformer.txt_norm", "IN"),
        ("anima", "text_conditioner.blocks.2.mlp.0", "A02"),
        ("anima", "lora_unet_llm_adapter_out_proj", "IN"),
        ("cosmos-predict2", "lora_unet_blocks_9_adaln_modulation_mlp_1", "B09"),
        ("krea2", "transformer.text_fusion.refiner_blocks.1.attn.to_q", "TR01"),
        ("krea2", "lora_unet_last_linear", "OUT"),
        ("hidream", "transformer.caption_projection.3.linear", "IN"),
        ("kandinsky5", "transformer.out_layer.modulation.out_layer", "OUT"),
        ("ltx", "diffusion_model.video_embeddings_connector.transformer_1d_blocks.0.attn1.to_q", "IN"),
        ("ltx", "diffusion_model.audio_adaln_single.linear", "IN"),
        ("sdxl", "lora_unet_label_emb_0_0", REST),
        ("sdxl", "lora_unet_out_2", REST),
        ("sdxl", "unet.up_blocks.1.upsamplers.0.conv", "OUT05"),
        ("sdxl", "lora_unet_input_blocks_9_0_op", REST),
        ("sdxl", "lora_te2_text_projection", REST),
        ("sdxl", "lora_te2_text_model_final_layer_norm", REST),
    ],
)
def test_a_module_has_the_block_of_its_place_in_the_model(family, module, block):
    assert family_by_name(family).block_of(module_of(module)) == block


@pytest.mark.parametrize("name", ["sd1", " SD1 "])
def test_a_family_is_found_by_name(name):
    assert family_by_name(name) is SD1


def test_an_unknown_family_is_an_error_with_the_known_ones():
    with pytest.raises(BlockweightError, match=r"no family called 'sd9'; use one of: sd1, sd2, sdxl, flux1"):
        family_by_name("sd9")
