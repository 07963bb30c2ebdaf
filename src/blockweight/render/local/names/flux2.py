"""Flux.2's names in Black Forest Labs' `flux2/model.py`.

Source: `convert_flux2_transformer_checkpoint_to_diffusers` of diffusers' `loaders/single_file_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.names.flux1 import DOUBLE_BLOCKS
from blockweight.render.local.places import Name

_DOUBLE, _SINGLE = r"double_blocks_(\d+)_", r"single_blocks_(\d+)_"
_D, _S = r"transformer_blocks_\1_", r"single_transformer_blocks_\1_"

FLUX2 = (
    Name("img_in", ("x_embedder",)),
    Name("txt_in", ("context_embedder",)),
    Name("time_in_in_layer", ("time_guidance_embed_timestep_embedder_linear_1",)),
    Name("time_in_out_layer", ("time_guidance_embed_timestep_embedder_linear_2",)),
    Name("guidance_in_in_layer", ("time_guidance_embed_guidance_embedder_linear_1",)),
    Name("guidance_in_out_layer", ("time_guidance_embed_guidance_embedder_linear_2",)),
    Name(r"(double_stream_modulation_(?:img|txt)|single_stream_modulation)_lin", (r"\1_linear",)),
    *DOUBLE_BLOCKS,
    Name(f"{_DOUBLE}img_mlp_0", (f"{_D}ff_linear_in",)),
    Name(f"{_DOUBLE}img_mlp_2", (f"{_D}ff_linear_out",)),
    Name(f"{_DOUBLE}txt_mlp_0", (f"{_D}ff_context_linear_in",)),
    Name(f"{_DOUBLE}txt_mlp_2", (f"{_D}ff_context_linear_out",)),
    Name(f"{_SINGLE}linear1", (f"{_S}attn_to_qkv_mlp_proj",)),
    Name(f"{_SINGLE}linear2", (f"{_S}attn_to_out",)),
    Name("final_layer_linear", ("proj_out",)),
    Name("final_layer_adaLN_modulation_1", ("norm_out_linear",)),
)
