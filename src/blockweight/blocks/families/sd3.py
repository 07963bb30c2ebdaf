"""Stable Diffusion 3 and 3.5.

Names: `joint_blocks` of Stability's `mmdit.py` (also in kohya-ss/sd-scripts, `networks/lora_sd3.py`) and
`transformer_blocks` of diffusers' `SD3Transformer2DModel`; a joint block holds what the original calls its x_block and
its context_block. 24 blocks in 3-medium and 3.5-medium, 38 in 3.5-large.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import T5_THEN_CLIP, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "CLIP T5 IN J# OUT"

SD3 = Family(
    name="sd3",
    title="Stable Diffusion 3 and 3.5",
    order=_ORDER,
    layouts=sizes("sd3", _ORDER, ("3.5 large", {"J": 38}), ("3 medium, 3.5 medium", {"J": 24})),
    rules=(
        series(r"(?:joint_blocks|transformer_blocks)_(\d+)_", "J"),
        named("IN", "x_embedder", "pos_embed", "t_embedder", "y_embedder", "context_embedder", "time_text_embed"),
        named("OUT", "final_layer", "norm_out", "proj_out"),
        *T5_THEN_CLIP,
    ),
    signs=(r"^joint_blocks_\d+_(?:x|context)_block_", r"^pos_embed_proj$", r"^y_embedder_"),
    # Not attn2: 3.5 medium has a second attention in its first blocks.
    foreign=(r"^transformer_blocks_\d+_attn1_",),
)
