"""HiDream-I1 and E1.

Names: diffusers' `HiDreamImageTransformer2DModel`, which are also the original's (ComfyUI and ai-toolkit only change
the prefix); 16 double and 32 single blocks.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN D# S# OUT"

HIDREAM = Family(
    name="hidream",
    title="HiDream-I1",
    order=_ORDER,
    layouts=sizes("hidream", _ORDER, ("17B", {"D": 16, "S": 32})),
    rules=(
        series(r"double_stream_blocks_(\d+)_", "D"),
        series(r"single_stream_blocks_(\d+)_", "S"),
        named("IN", "x_embedder", "t_embedder", "p_embedder", "caption_projection"),
        named("OUT", "final_layer"),
    ),
    signs=(r"^(?:double|single)_stream_blocks_",),
)
