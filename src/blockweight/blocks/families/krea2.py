"""Krea 2.

Names: krea-ai's `krea2_mmdit.py` (also in kohya-ss/musubi-tuner) and diffusers' `Krea2Transformer2DModel`; 28 blocks B.
Before them the text fusion: TL its two layerwise blocks, TR its two refiner blocks.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import CROSS_ATTENTION, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN TL# TR# B# OUT"

KREA2 = Family(
    name="krea2",
    title="Krea 2",
    order=_ORDER,
    layouts=sizes("krea2", _ORDER, ("Krea 2", {"TL": 2, "TR": 2, "B": 28})),
    rules=(
        series(r"(?:txtfusion|text_fusion)_layerwise_blocks_(\d+)_", "TL"),
        series(r"(?:txtfusion|text_fusion)_refiner_blocks_(\d+)_", "TR"),
        series(r"(?:blocks|transformer_blocks)_(\d+)_", "B"),
        named("IN", "first", "tmlp", "tproj", "txtmlp", "txtfusion"),
        named("IN", "img_in", "time_embed", "time_mod_proj", "txt_in", "text_fusion"),
        named("OUT", "last", "final_layer"),
    ),
    signs=(
        r"^blocks_\d+_(?:attn_(?:w[qkvo]|gate)|mlp_(?:gate|up|down))$",
        r"^transformer_blocks_\d+_(?:attn_to_gate|ff_(?:gate|up|down))$",
        r"^(?:txtfusion|text_fusion|txtmlp|tmlp|tproj)_",
    ),
    foreign=(CROSS_ATTENTION,),
)
