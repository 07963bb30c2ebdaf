"""Flux.2 (dev and klein).

Names: Black Forest Labs' `flux2/model.py` (also in kohya-ss/musubi-tuner, `flux_2/flux2_models.py`) and diffusers'
`Flux2Transformer2DModel`; counts from their configurations. The blocks have no modulation of their own: what they share
(`double_stream_modulation_img` and its like) is computed once from the time embedding, as IN.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import CROSS_ATTENTION, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN D# S# OUT"

FLUX2 = Family(
    name="flux2",
    title="Flux.2",
    order=_ORDER,
    layouts=sizes(
        "flux2",
        _ORDER,
        ("dev", {"D": 8, "S": 48}),
        ("klein 9B", {"D": 8, "S": 24}),
        ("klein 4B", {"D": 5, "S": 20}),
    ),
    rules=(
        series(r"(?:double_blocks|transformer_blocks)_(\d+)_", "D"),
        series(r"(?:single_blocks|single_transformer_blocks)_(\d+)_", "S"),
        named("IN", "img_in", "txt_in", "time_in", "guidance_in", "x_embedder", "context_embedder"),
        named("IN", "time_guidance_embed", r"double_stream_modulation_(?:img|txt)", "single_stream_modulation"),
        named("OUT", "final_layer", "norm_out", "proj_out"),
    ),
    signs=(
        r"^(?:double_stream_modulation_(?:img|txt)|single_stream_modulation)_",
        r"^single_transformer_blocks_\d+_attn_to_(?:qkv_mlp_proj|out)$",
        r"^transformer_blocks_\d+_ff(?:_context)?_linear_(?:in|out)$",
    ),
    foreign=(
        CROSS_ATTENTION,
        r"^double_blocks_\d+_(?:img|txt)_mod_",
        r"^single_blocks_\d+_modulation_",
        r"^vector_in_",
    ),
)
