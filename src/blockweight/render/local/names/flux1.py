"""Flux.1's names in Black Forest Labs' `flux/model.py`, Chroma's, and those of XLabs' files, which name a block's
processor.

Source: `convert_flux_transformer_checkpoint_to_diffusers` and `convert_chroma_transformer_checkpoint_to_diffusers` of
diffusers' `loaders/single_file_utils.py`, and for XLabs `_convert_xlabs_flux_lora_to_diffusers` of its
`loaders/lora_conversion_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_DOUBLE, _SINGLE = r"double_blocks_(\d+)_", r"single_blocks_(\d+)_"
_D, _S = r"transformer_blocks_\1_", r"single_transformer_blocks_\1_"
_QKV = tuple(f"{_D}attn_to_{part}" for part in "qkv")
_ADDED = tuple(f"{_D}attn_add_{part}_proj" for part in "qkv")
_ALONE = tuple(f"{_S}attn_to_{part}" for part in "qkv")

DOUBLE_BLOCKS = (
    Name(f"{_DOUBLE}img_attn_qkv", _QKV),
    Name(f"{_DOUBLE}txt_attn_qkv", _ADDED),
    Name(f"{_DOUBLE}img_attn_proj", (f"{_D}attn_to_out_0",)),
    Name(f"{_DOUBLE}txt_attn_proj", (f"{_D}attn_to_add_out",)),
)
"""The attention of a double block, which later models name alike."""

SINGLE_BLOCKS = (
    Name(f"{_SINGLE}linear1", (*_ALONE, f"{_S}proj_mlp")),
    Name(f"{_SINGLE}linear2", (f"{_S}proj_out",)),
)

FLUX1 = (
    Name("img_in", ("x_embedder",)),
    Name("txt_in", ("context_embedder",)),
    Name("time_in_in_layer", ("time_text_embed_timestep_embedder_linear_1",)),
    Name("time_in_out_layer", ("time_text_embed_timestep_embedder_linear_2",)),
    Name("vector_in_in_layer", ("time_text_embed_text_embedder_linear_1",)),
    Name("vector_in_out_layer", ("time_text_embed_text_embedder_linear_2",)),
    Name("guidance_in_in_layer", ("time_text_embed_guidance_embedder_linear_1",)),
    Name("guidance_in_out_layer", ("time_text_embed_guidance_embedder_linear_2",)),
    Name(r"(distilled_guidance_layer_layers_\d+)_in_layer", (r"\1_linear_1",)),
    Name(r"(distilled_guidance_layer_layers_\d+)_out_layer", (r"\1_linear_2",)),
    *DOUBLE_BLOCKS,
    Name(f"{_DOUBLE}img_mlp_0", (f"{_D}ff_net_0_proj",)),
    Name(f"{_DOUBLE}img_mlp_2", (f"{_D}ff_net_2",)),
    Name(f"{_DOUBLE}txt_mlp_0", (f"{_D}ff_context_net_0_proj",)),
    Name(f"{_DOUBLE}txt_mlp_2", (f"{_D}ff_context_net_2",)),
    Name(f"{_DOUBLE}img_mod_lin", (f"{_D}norm1_linear",)),
    Name(f"{_DOUBLE}txt_mod_lin", (f"{_D}norm1_context_linear",)),
    *SINGLE_BLOCKS,
    Name(f"{_SINGLE}modulation_lin", (f"{_S}norm_linear",)),
    Name("final_layer_linear", ("proj_out",)),
    Name("final_layer_adaLN_modulation_1", ("norm_out_linear",)),
    Name(f"{_DOUBLE}processor_qkv_lora1", _QKV),
    Name(f"{_DOUBLE}processor_qkv_lora2", _ADDED),
    Name(f"{_DOUBLE}processor_proj_lora1", (f"{_D}attn_to_out_0",)),
    Name(f"{_DOUBLE}processor_proj_lora2", (f"{_D}attn_to_add_out",)),
    Name(f"{_SINGLE}processor_qkv", _ALONE),
    Name(f"{_SINGLE}processor_proj", (f"{_S}proj_out",)),
)
