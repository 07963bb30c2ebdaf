"""Cosmos-Predict2 and 2.5.

Names: NVIDIA's `MinimalV1LVGDiT` and diffusers' `CosmosTransformer3DModel` (renamed by its conversion script);
28 blocks in the 2B, 36 in the 14B.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import JOINT_ATTENTION, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN B# OUT"

COSMOS_RULES = (
    series(r"(?:blocks|transformer_blocks)_(\d+)_", "B"),
    named("IN", "x_embedder", "t_embedder", "t_embedding_norm", "extra_pos_embedder", "crossattn_proj"),
    named("IN", "patch_embed", "time_embed", "learnable_pos_embed", "img_context_proj"),
    named("OUT", "final_layer", "norm_out", "proj_out"),
)

COSMOS_SIGNS = (
    r"^blocks_\d+_(?:(?:self|cross)_attn_(?:[qkv]|output)_proj$|adaln_modulation_|mlp_layer[12]$)",
    r"^transformer_blocks_\d+_norm[123]_linear_[12]$",
)
"""What Cosmos-Predict2 and Anima have in common, and Wan and LTX have not."""

COSMOS_PREDICT2 = Family(
    name="cosmos-predict2",
    title="Cosmos-Predict2 and 2.5",
    order=_ORDER,
    layouts=sizes("cosmos-predict2", _ORDER, ("14B", {"B": 36}), ("2B", {"B": 28})),
    rules=COSMOS_RULES,
    signs=COSMOS_SIGNS,
    foreign=(JOINT_ATTENTION, r"^llm_adapter_", r"^text_conditioner\.", r"^text_encoder"),
)
