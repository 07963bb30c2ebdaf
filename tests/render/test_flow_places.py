"""Where a LoRA's modules are in diffusers' transformers, told from diffusers' own converters of whole checkpoints:
every row of every original weight must land where they put it."""

from __future__ import annotations

import re

import pytest
import torch
from diffusers import (
    ChromaTransformer2DModel,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    Krea2Transformer2DModel,
    Lumina2Transformer2DModel,
    SD3Transformer2DModel,
    WanTransformer3DModel,
    ZImageTransformer2DModel,
)
from diffusers.loaders import single_file_utils as converters
from torch import nn
from transformers import T5Config, T5EncoderModel

from blockweight.blocks import family_by_name, module_of
from blockweight.render.local import names
from blockweight.render.local.places import Places

_FLUX = (
    "img_in", "txt_in", "time_in.in_layer", "time_in.out_layer", "guidance_in.in_layer", "guidance_in.out_layer",
    "double_blocks.N.img_attn.qkv", "double_blocks.N.img_attn.proj", "double_blocks.N.img_mlp.0",
    "double_blocks.N.img_mlp.2", "double_blocks.N.txt_attn.qkv", "double_blocks.N.txt_attn.proj",
    "double_blocks.N.txt_mlp.0", "double_blocks.N.txt_mlp.2", "single_blocks.N.linear1", "single_blocks.N.linear2",
    "final_layer.linear", "final_layer.adaLN_modulation.1",
)  # fmt: skip
_REFINED = tuple(
    f"{series}.N.{layer}"
    for series in ("layers", "noise_refiner", "context_refiner")
    for layer in ("attention.qkv", "attention.out", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3")
)
ORIGINALS: dict[str, tuple[str, ...]] = {
    "sd3": (
        "x_embedder.proj", "t_embedder.mlp.0", "t_embedder.mlp.2", "y_embedder.mlp.0", "y_embedder.mlp.2",
        "context_embedder", "joint_blocks.0.x_block.attn2.qkv", "joint_blocks.0.x_block.attn2.proj",
        *(f"joint_blocks.N.{stream}_block.{layer}" for stream in ("x", "context")
          for layer in ("attn.qkv", "adaLN_modulation.1")),
        *(f"joint_blocks.N.x_block.{layer}" for layer in ("attn.proj", "mlp.fc1", "mlp.fc2")),
        *(f"joint_blocks.0.context_block.{layer}" for layer in ("attn.proj", "mlp.fc1", "mlp.fc2")),
        "final_layer.linear", "final_layer.adaLN_modulation.1",
    ),
    "flux1": (
        *_FLUX, "vector_in.in_layer", "vector_in.out_layer", "double_blocks.N.img_mod.lin",
        "double_blocks.N.txt_mod.lin", "single_blocks.N.modulation.lin",
    ),
    "chroma": (
        *(name for name in _FLUX if not name.endswith("_layer") and "adaLN" not in name),
        "distilled_guidance_layer.in_proj", "distilled_guidance_layer.out_proj",
        "distilled_guidance_layer.layers.N.in_layer", "distilled_guidance_layer.layers.N.out_layer",
    ),
    "krea2": (
        "first", "tmlp.0", "tmlp.2", "tproj.1", "txtmlp.1", "txtmlp.3", "txtfusion.projector", "last.linear",
        *(f"{series}.N.{layer}" for series in ("blocks", "txtfusion.layerwise_blocks", "txtfusion.refiner_blocks")
          for layer in ("attn.wq", "attn.wk", "attn.wv", "attn.wo", "attn.gate", "mlp.gate", "mlp.up", "mlp.down")),
    ),
    "flux2": (
        *_FLUX, "double_stream_modulation_img.lin", "double_stream_modulation_txt.lin",
        "single_stream_modulation.lin",
    ),
    "zimage": (
        *_REFINED, "layers.N.adaLN_modulation.0", "noise_refiner.N.adaLN_modulation.0", "x_embedder",
        "t_embedder.mlp.0", "t_embedder.mlp.2", "cap_embedder.1", "final_layer.linear",
        "final_layer.adaLN_modulation.1",
    ),
    "lumina2": (
        *_REFINED, "layers.N.adaLN_modulation.1", "noise_refiner.N.adaLN_modulation.1", "x_embedder",
        "t_embedder.mlp.0", "t_embedder.mlp.2", "cap_embedder.1", "final_layer.linear",
        "final_layer.adaLN_modulation.1",
    ),
    "wan": (
        "patch_embedding", "text_embedding.0", "text_embedding.2", "time_embedding.0", "time_embedding.2",
        "time_projection.1", "head.head", "img_emb.proj.1", "img_emb.proj.3", "blocks.N.ffn.0", "blocks.N.ffn.2",
        *(f"blocks.N.{kind}_attn.{layer}" for kind in ("self", "cross") for layer in "qkvo"),
        "blocks.N.cross_attn.k_img", "blocks.N.cross_attn.v_img",
    ),
}  # fmt: skip
"""The layers of the original models with two blocks of each kind."""


def _model(family: str) -> nn.Module:
    """The real width, which the converters know by heart, and two blocks, without numbers."""
    with torch.device("meta"):
        if family == "sd3":
            return SD3Transformer2DModel(num_layers=2, dual_attention_layers=(0,))
        if family == "flux1":
            return FluxTransformer2DModel(num_layers=2, num_single_layers=2, guidance_embeds=True)
        if family == "flux2":
            return Flux2Transformer2DModel(num_layers=2, num_single_layers=2)
        if family == "chroma":
            return ChromaTransformer2DModel(num_layers=2, num_single_layers=2, approximator_layers=2)
        if family == "krea2":
            return Krea2Transformer2DModel(num_layers=2)
        if family == "zimage":
            return ZImageTransformer2DModel(n_layers=2)
        if family == "lumina2":
            return Lumina2Transformer2DModel(num_layers=2, num_refiner_layers=2)
        return WanTransformer3DModel(num_layers=2, image_dim=64, added_kv_proj_dim=64)


CONVERTERS = {
    "sd3": converters.convert_sd3_transformer_checkpoint_to_diffusers,
    "flux1": converters.convert_flux_transformer_checkpoint_to_diffusers,
    "flux2": converters.convert_flux2_transformer_checkpoint_to_diffusers,
    "chroma": converters.convert_chroma_transformer_checkpoint_to_diffusers,
    "krea2": converters.convert_krea2_transformer_checkpoint_to_diffusers,
    "zimage": converters.convert_z_image_transformer_checkpoint_to_diffusers,
    "lumina2": converters.convert_lumina2_to_diffusers,
    "wan": converters.convert_wan_transformer_to_diffusers,
}
NAMES = {
    "sd3": names.SD3, "flux1": names.FLUX1, "flux2": names.FLUX2, "zimage": names.ZIMAGE, "lumina2": names.LUMINA2,
    "wan": names.WAN, "chroma": names.FLUX1, "krea2": names.KREA2,
}  # fmt: skip


def _originals(family: str) -> list[str]:
    return [name.replace(".N.", f".{n}.") for name in ORIGINALS[family] for n in (range(2) if ".N." in name else [0])]


class _Absent(dict):
    """A checkpoint in which every tensor that nobody asks about (biases, norms) is found."""

    def pop(self, key, *default):
        return super().pop(key, *(default or (torch.zeros(21504, 1),)))


@pytest.mark.parametrize("family", CONVERTERS)
def test_every_row_of_an_original_weight_is_where_diffusers_puts_it(family):
    model = _model(family)
    layers = {id(layer): path for path, layer in model.named_modules()}
    places = Places({"transformer": model}, NAMES[family])
    checkpoint, found = _Absent(), {}
    for number, name in enumerate(_originals(family), start=1):
        module = module_of(f"diffusion_model.{name}")
        assert module is not None
        several = places.find(module)
        assert several, name
        for place in several:
            rows = [row for part in place.rows for row in part] if place.rows else range(place.of_rows)
            found[layers[id(place.layer)]] = torch.tensor(rows) + 1e6 * number
        checkpoint[f"{name}.weight"] = torch.arange(several[0].of_rows)[:, None] + 1e6 * number
    converted = {
        name.removesuffix(".weight"): weight[:, 0]
        for name, weight in CONVERTERS[family](checkpoint).items()
        if name.endswith(".weight") and weight.max() >= 1e6
    }
    assert {name: rows.tolist() for name, rows in found.items()} == {
        name: rows.tolist() for name, rows in converted.items()
    }
    # And there is no layer that the original's names do not reach.
    assert set(found) == {
        path for path, layer in model.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d)
    }


@pytest.mark.parametrize("family", CONVERTERS)
def test_every_layer_is_found_by_its_own_name_and_is_in_a_block(family):
    model = _model(family)
    places = Places({"transformer": model}, NAMES[family])
    for path, layer in model.named_modules():
        if isinstance(layer, nn.Linear):
            for name in (f"transformer.{path}", f"lora_unet_{path.replace('.', '_')}"):
                module = module_of(name)
                assert module is not None
                (place,) = places.find(module)
                assert place.layer is layer
                assert not place.rows
                assert family_by_name("flux1" if family == "chroma" else family).block_of(module) != "REST", name


@pytest.mark.parametrize("family", CONVERTERS)
def test_names_that_the_model_has_not_are_not_found(family):
    places = Places({"transformer": _model(family)}, NAMES[family])
    for name in _originals(family):
        unknown = re.sub(r"\.[01]\.", ".7.", name) + ("" if ".N." in name else "_else")
        module = module_of(f"diffusion_model.{unknown}")
        assert module is not None
        assert places.find(module) == ()


def test_xlabs_names_of_flux_are_slices_of_the_attention():
    model = _model("flux1")
    places = Places({"transformer": model}, names.FLUX1)
    module = module_of("double_blocks.1.processor.qkv_lora2")
    assert module is not None
    attention = model.transformer_blocks[1].attn
    found = [(place.layer, place.rows) for place in places.find(module)]
    assert found == [
        (attention.add_q_proj, (range(3072),)),
        (attention.add_k_proj, (range(3072, 6144),)),
        (attention.add_v_proj, (range(6144, 9216),)),
    ]


def test_t5_is_found_by_its_own_layers_whatever_number_a_trainer_gave_it():
    settings = {"vocab_size": 8, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    t5 = T5EncoderModel(T5Config(**settings))
    places = Places({"text_encoder": nn.Linear(2, 2), "text_encoder_2": t5})
    for number in ("te1", "te2", "te3"):
        module = module_of(f"lora_{number}_encoder_block_0_layer_0_SelfAttention_q")
        assert module is not None
        (place,) = places.find(module)
        assert place.layer is t5.encoder.block[0].layer[0].SelfAttention.q


def test_a_second_text_encoder_that_is_not_there_is_not_taken_for_the_first():
    class Clip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(2, 2)

    module = module_of("lora_te2_fc1")
    assert module is not None
    assert Places({"text_encoder": Clip()}).find(module) == ()
