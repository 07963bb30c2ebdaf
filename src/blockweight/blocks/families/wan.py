"""Wan 2.1 and 2.2, with VACE.

Names: the original `wan/modules/model.py` (also in kohya-ss/musubi-tuner) and diffusers' `WanTransformer3DModel` and
`WanVACETransformer3DModel`; counts from diffusers' conversion script. B are `blocks`, V are `vace_blocks`. Wan 2.2 A14B
has two experts of 40 blocks each, in two files or as `transformer` and `transformer_2`; block B07 is then B07 of both.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN B# V# OUT"

WAN = Family(
    name="wan",
    title="Wan 2.1 and 2.2 (with VACE)",
    order=_ORDER,
    layouts=sizes(
        "wan",
        _ORDER,
        ("2.1 14B, 2.2 A14B", {"B": 40}),
        ("2.1 1.3B, 2.2 5B", {"B": 30}),
        ("VACE 14B", {"B": 40, "V": 8}),
        ("VACE 1.3B", {"B": 30, "V": 15}),
    ),
    rules=(
        series(r"blocks_(\d+)_", "B"),
        series(r"vace_blocks_(\d+)_", "V"),
        named("IN", "patch_embedding", "vace_patch_embedding", r"(?:text|time)_embedding_\d", "time_projection"),
        named("IN", "img_emb", "condition_embedder", "ref_conv", "control_adapter"),
        named("OUT", "head", "norm_out", "proj_out"),
    ),
    signs=(
        r"^(?:vace_)?blocks_\d+_(?:self|cross)_attn_(?:[qkvo]|[kv]_img)$",
        r"^(?:vace_)?blocks_\d+_(?:ffn_|attn[12]_)",
        r"^vace_blocks_",
    ),
)
