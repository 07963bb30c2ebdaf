from __future__ import annotations

import pytest

from blockweight.blocks import family_by_name, module_of
from blockweight.lora.layer_names import Layer, kohya_name, layer_of, original_name, peft_name

ATTENTION = [
    f"transformer_blocks.{n}.{inner}"
    for n in (0, 9)
    for inner in ("norm1", "attn1.to_q", "attn2.to_k", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2")
] + ["proj_in", "proj_out", "norm"]
RESNET = ["norm1", "conv1", "norm2", "conv2", "time_emb_proj", "conv_shortcut"]
OUTSIDE = ["conv_in", "conv_norm_out", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"]
LEVELS = {"sd1": (4, {0, 1, 2}, {1, 2, 3}), "sdxl": (3, {1, 2}, {0, 1})}


def unet(family):
    """Every layer of the UNet by diffusers' name, from the numbers of levels and where attention is."""
    levels, down, up = LEVELS[family]
    names = [*OUTSIDE, *(["add_embedding.linear_1", "add_embedding.linear_2"] if family == "sdxl" else [])]
    for i in range(levels):
        names += [f"down_blocks.{i}.resnets.{j}.{x}" for j in range(2) for x in RESNET]
        names += [f"down_blocks.{i}.attentions.{j}.{x}" for j in range(2) for x in ATTENTION if i in down]
        names += [f"up_blocks.{i}.resnets.{j}.{x}" for j in range(3) for x in RESNET]
        names += [f"up_blocks.{i}.attentions.{j}.{x}" for j in range(3) for x in ATTENTION if i in up]
        if i < levels - 1:
            names += [f"down_blocks.{i}.downsamplers.0.conv", f"up_blocks.{i}.upsamplers.0.conv"]
    names += [f"mid_block.resnets.{j}.{x}" for j in range(2) for x in RESNET]
    return names + [f"mid_block.attentions.0.{x}" for x in ATTENTION]


@pytest.mark.parametrize("family", LEVELS)
def test_every_layer_is_found_again_from_each_of_its_names(family):
    names = unet(family)
    assert len({original_name(name, family) for name in names}) == len(names)
    for name in names:
        layer = Layer("unet", name)
        for written in (
            peft_name(layer),
            f"lora_unet_{layer.flat}",
            f"lora_unet_{original_name(name, family).replace('.', '_')}",
            kohya_name(layer, family),
        ):
            module = module_of(written)
            assert module is not None
            assert layer_of(module) == layer, written


@pytest.mark.parametrize("family", LEVELS)
def test_a_layers_block_is_the_same_under_all_its_names(family):
    known = family_by_name(family)
    for name in unet(family):
        modules = [module_of(f"unet.{form}") for form in (name, original_name(name, family))]
        assert len({known.block_of(module) for module in modules if module}) == 1, name


@pytest.mark.parametrize("component", ["text_encoder", "text_encoder_2"])
@pytest.mark.parametrize(
    "name",
    [
        "text_model.encoder.layers.11.self_attn.out_proj",
        "text_model.encoder.layers.0.mlp.fc1",
        "text_model.encoder.layers.0.layer_norm2",
        "text_model.final_layer_norm",
        "text_model.embeddings.token_embedding",
        "text_projection",
    ],
)
def test_text_encoder_layers_are_found_with_and_without_the_level_text_model(component, name):
    for written in {f"{component}.{name}", f"{component}.{name.removeprefix('text_model.')}"}:
        module = module_of(written)
        assert module is not None
        assert layer_of(module) == Layer(component, name)


def test_sdxls_kohya_names_are_the_original_ones_and_sd1s_diffusers():
    layer = Layer("unet", "up_blocks.0.upsamplers.0.conv")
    assert kohya_name(layer, "sdxl") == "lora_unet_output_blocks_2_2_conv"
    assert kohya_name(layer, "sd1") == "lora_unet_up_blocks_0_upsamplers_0_conv"
    text = Layer("text_encoder", "text_model.encoder.layers.0.mlp.fc1")
    assert kohya_name(text, "sdxl") == "lora_te1_text_model_encoder_layers_0_mlp_fc1"
    assert kohya_name(text, "sd1") == "lora_te_text_model_encoder_layers_0_mlp_fc1"


def test_the_numbers_of_the_original_unet_are_those_of_the_checkpoints():
    wanted = {
        "down_blocks.3.resnets.1.conv2": "input_blocks.11.0.out_layers.3",
        "down_blocks.2.downsamplers.0.conv": "input_blocks.9.0.op",
        "up_blocks.0.upsamplers.0.conv": "output_blocks.2.1.conv",
        "up_blocks.2.upsamplers.0.conv": "output_blocks.8.2.conv",
        "mid_block.resnets.1.time_emb_proj": "middle_block.2.emb_layers.1",
        "mid_block.attentions.0.proj_in": "middle_block.1.proj_in",
        "conv_out": "out.2",
    }
    assert {name: original_name(name, "sd1") for name in wanted} == wanted


@pytest.mark.parametrize(
    "path",
    [
        "down_blocks_0_resnets_0_attn1_to_q",
        "down_blocks_0_upsamplers_0_conv",
        "middle_block_3_in_layers_2",
        "input_blocks_3_1_proj_in",
        "output_blocks_3_2_proj_in",
        "input_blocks_4_1_in_layers_2",
        "transformer_blocks_0_attn_to_q",
        "",
    ],
)
def test_a_path_that_the_unet_does_not_have_is_no_layer(path):
    module = module_of(f"lora_unet_{path}")
    assert module is None or layer_of(module) is None


@pytest.mark.parametrize(
    "name",
    [
        "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "lora_te2_text_model_encoder_layers_31_self_attn_out_proj",
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0",
        "lora_unet_input_blocks_4_1_transformer_blocks_1_ff_net_0_proj",
        "lora_unet_output_blocks_2_2_conv",
        "unet.up_blocks.0.attentions.2.transformer_blocks.9.attn2.processor.to_out_lora",
        "diffusion_model.middle_block.1.transformer_blocks.0.ff.net.2",
        "text_encoder.text_model.encoder.layers.3.self_attn.to_q_lora",
        "lycoris_down_blocks_3_resnets_0_conv_shortcut",
    ],
)
def test_names_as_trainers_write_them_are_known(name):
    module = module_of(name)
    assert module is not None
    assert layer_of(module) is not None
