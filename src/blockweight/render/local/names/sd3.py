"""Stable Diffusion 3's names in Stability's `mmdit.py`.

Source: `convert_sd3_transformer_checkpoint_to_diffusers` of diffusers' `loaders/single_file_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_X, _CONTEXT = r"joint_blocks_(\d+)_x_block_", r"joint_blocks_(\d+)_context_block_"
_BLOCK = r"transformer_blocks_\1_"

SD3 = (
    Name("x_embedder_proj", ("pos_embed_proj",)),
    Name("t_embedder_mlp_0", ("time_text_embed_timestep_embedder_linear_1",)),
    Name("t_embedder_mlp_2", ("time_text_embed_timestep_embedder_linear_2",)),
    Name("y_embedder_mlp_0", ("time_text_embed_text_embedder_linear_1",)),
    Name("y_embedder_mlp_2", ("time_text_embed_text_embedder_linear_2",)),
    Name(f"{_X}attn_qkv", tuple(f"{_BLOCK}attn_to_{part}" for part in "qkv")),
    Name(f"{_X}attn_proj", (f"{_BLOCK}attn_to_out_0",)),
    Name(f"{_X}attn2_qkv", tuple(f"{_BLOCK}attn2_to_{part}" for part in "qkv")),
    Name(f"{_X}attn2_proj", (f"{_BLOCK}attn2_to_out_0",)),
    Name(f"{_X}mlp_fc1", (f"{_BLOCK}ff_net_0_proj",)),
    Name(f"{_X}mlp_fc2", (f"{_BLOCK}ff_net_2",)),
    Name(f"{_X}adaLN_modulation_1", (f"{_BLOCK}norm1_linear",)),
    Name(f"{_CONTEXT}attn_qkv", tuple(f"{_BLOCK}attn_add_{part}_proj" for part in "qkv")),
    Name(f"{_CONTEXT}attn_proj", (f"{_BLOCK}attn_to_add_out",)),
    Name(f"{_CONTEXT}mlp_fc1", (f"{_BLOCK}ff_context_net_0_proj",)),
    Name(f"{_CONTEXT}mlp_fc2", (f"{_BLOCK}ff_context_net_2",)),
    Name(f"{_CONTEXT}adaLN_modulation_1", (f"{_BLOCK}norm1_context_linear",)),
    Name("final_layer_linear", ("proj_out",)),
    Name("final_layer_adaLN_modulation_1", ("norm_out_linear",)),
)
