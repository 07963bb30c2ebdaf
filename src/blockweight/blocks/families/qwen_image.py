"""Qwen-Image and Qwen-Image-Edit.

Names: diffusers' `QwenImageTransformer2DModel`, which are also the original's; 60 blocks of two streams each. The text
encoder is not trained.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import CROSS_ATTENTION, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN B# OUT"

QWEN_IMAGE = Family(
    name="qwen-image",
    title="Qwen-Image (with Edit)",
    order=_ORDER,
    layouts=sizes("qwen-image", _ORDER, ("20B", {"B": 60})),
    rules=(
        series(r"transformer_blocks_(\d+)_", "B"),
        named("IN", "img_in", "txt_in", "txt_norm", "time_text_embed"),
        named("OUT", "norm_out", "proj_out"),
    ),
    signs=(r"^transformer_blocks_\d+_(?:img|txt)_(?:mlp|mod)_",),
    foreign=(CROSS_ATTENTION,),
)
