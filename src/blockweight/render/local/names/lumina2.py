"""Lumina Image 2.0's names in Alpha-VLLM's `NextDiT`.

Source: `convert_lumina2_to_diffusers` of diffusers' `loaders/single_file_utils.py`. Keys and values have fewer heads
than queries, so the slices of `qkv` differ in size.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_LAYER = r"((?:layers|noise_refiner|context_refiner)_\d+)_"

LUMINA2 = (
    Name("t_embedder_mlp_0", ("time_caption_embed_timestep_embedder_linear_1",)),
    Name("t_embedder_mlp_2", ("time_caption_embed_timestep_embedder_linear_2",)),
    Name("cap_embedder_1", ("time_caption_embed_caption_embedder_1",)),
    Name(f"{_LAYER}attention_qkv", tuple(rf"\1_attn_to_{part}" for part in "qkv")),
    Name(f"{_LAYER}attention_out", (r"\1_attn_to_out_0",)),
    Name(rf"{_LAYER}feed_forward_w([123])", (r"\1_feed_forward_linear_\2",)),
    Name(f"{_LAYER}adaLN_modulation_1", (r"\1_norm1_linear",)),
    Name("final_layer_adaLN_modulation_1", ("norm_out_linear_1",)),
    Name("final_layer_linear", ("norm_out_linear_2",)),
)
