"""Kandinsky 5.

Names: the original `kandinsky/models/dit.py` (also in kohya-ss/musubi-tuner) and diffusers'
`Kandinsky5Transformer3DModel`; T are `text_transformer_blocks`, B are `visual_transformer_blocks`.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN T# B# OUT"

KANDINSKY5 = Family(
    name="kandinsky5",
    title="Kandinsky 5",
    order=_ORDER,
    layouts=sizes(
        "kandinsky5",
        _ORDER,
        ("Pro", {"T": 4, "B": 60}),
        ("Image", {"T": 2, "B": 50}),
        ("Lite", {"T": 2, "B": 32}),
    ),
    rules=(
        series(r"text_transformer_blocks_(\d+)_", "T"),
        series(r"visual_transformer_blocks_(\d+)_", "B"),
        named("IN", "time_embeddings", "text_embeddings", "pooled_text_embeddings", "visual_embeddings"),
        named("OUT", "out_layer"),
    ),
    signs=(r"^(?:text|visual)_transformer_blocks_",),
)
