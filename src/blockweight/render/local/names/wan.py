"""Wan's names in the original `wan/modules/model.py`.

Source: `convert_wan_transformer_to_diffusers` of diffusers' `loaders/single_file_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_SELF, _CROSS = r"(blocks_\d+)_self_attn_", r"(blocks_\d+)_cross_attn_"

WAN = (
    Name("text_embedding_0", ("condition_embedder_text_embedder_linear_1",)),
    Name("text_embedding_2", ("condition_embedder_text_embedder_linear_2",)),
    Name("time_embedding_0", ("condition_embedder_time_embedder_linear_1",)),
    Name("time_embedding_2", ("condition_embedder_time_embedder_linear_2",)),
    Name("time_projection_1", ("condition_embedder_time_proj",)),
    Name("img_emb_proj_1", ("condition_embedder_image_embedder_ff_net_0_proj",)),
    Name("img_emb_proj_3", ("condition_embedder_image_embedder_ff_net_2",)),
    Name(f"{_SELF}([qkv])", (r"\1_attn1_to_\2",)),
    Name(f"{_SELF}o", (r"\1_attn1_to_out_0",)),
    Name(f"{_CROSS}([qkv])", (r"\1_attn2_to_\2",)),
    Name(f"{_CROSS}o", (r"\1_attn2_to_out_0",)),
    Name(f"{_CROSS}([kv])_img", (r"\1_attn2_add_\2_proj",)),
    Name(r"(blocks_\d+)_ffn_0", (r"\1_ffn_net_0_proj",)),
    Name(r"(blocks_\d+)_ffn_2", (r"\1_ffn_net_2",)),
    Name("head_head", ("proj_out",)),
)
