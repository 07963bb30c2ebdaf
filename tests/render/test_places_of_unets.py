"""Where the modules of real LoRAs are in the released sizes of Stable Diffusion, which are built without numbers."""

from __future__ import annotations

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blockweight.blocks import Module, family_by_name, module_of
from blockweight.lora.layer_names import Layer, layer_of, original_name, peft_name
from blockweight.render.local.architectures import SD1, SD2, SDXL, Architecture
from blockweight.render.local.places import Places
from blockweight.train import modules_by_block

KINDS = {kind.family: kind for kind in (SD1, SD2, SDXL)}


def components(kind: Architecture) -> dict[str, nn.Module]:
    with init_empty_weights():
        found = {"unet": UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(kind.config / "unet")))}
        for name in kind.text_encoders:
            config = CLIPTextConfig.from_pretrained(str(kind.config / name))
            found[name] = (CLIPTextModelWithProjection if name == "text_encoder_2" else CLIPTextModel)(config)
    return found


@pytest.fixture(scope="module", params=KINDS)
def released(request) -> tuple[str, dict[str, nn.Module]]:
    return request.param, components(KINDS[request.param])


def test_every_module_of_kohyas_loras_is_at_one_layer_of_its_own_in_all_namings(released):
    family, parts = released
    places, seen = Places(parts), set()
    for block, names in modules_by_block(family, conv=True).items():
        for name in names:
            module = module_of(name)
            assert family_by_name(family).block_of(module) == block
            layer = layer_of(module)
            (place,) = places.find(module)
            assert place.layer not in seen, name
            seen.add(place.layer)
            flat = Module(layer.component, layer.flat)
            for other in (flat, module_of(peft_name(layer))):
                assert [found.layer for found in places.find(other)] == [place.layer]
    assert len(seen) == {"sd1": 278 + 72, "sd2": 278 + 138, "sdxl": 788 + 264}[family]


def test_a_module_that_no_layer_is_named_by_has_no_place(released):
    places = Places(released[1])
    for path in ("input_blocks_4_1_transformer_blocks_77_attn1_to_q", "middle_block_1", "out_9"):
        assert places.find(Module("unet", path)) == ()
    (norm,) = places.find(Module("unet", "middle_block_1_norm"))
    assert norm.layer is released[1]["unet"].mid_block.attentions[0].norm
    assert places.find(Module("text_encoder_3", "text_model_encoder_layers_0_mlp_fc1")) == ()


def test_checkpoints_by_the_original_names_fill_the_whole_unet(released):
    family, parts = released
    state = parts["unet"].state_dict()
    tensors = {}
    for name, value in state.items():
        layer, kind = name.rsplit(".", 1)
        assert layer_of(Module("unet", layer.replace(".", "_"))) in (Layer("unet", layer), None)
        tensors[f"model.diffusion_model.{original_name(layer, family)}.{kind}"] = value
    found = convert_ldm_unet_checkpoint(tensors, {**parts["unet"].config})
    assert {name: value.shape for name, value in found.items()} == {name: value.shape for name, value in state.items()}
    assert all(value.device == torch.device("meta") for value in state.values())
