"""Flux.1 (dev, schnell, Fill, Kontext) and Chroma.

Block names and order: LoRA Block Weight's 61, `lbw_lora.py` at b403cb7: D for `double_blocks`, S for `single_blocks`,
IN for the embedders (`img_in`, `txt_in`, `time_in`, `vector_in`, `guidance_in`), OUT for `final_layer`. diffusers'
names are those of `FluxTransformer2DModel`. Chroma has the same blocks without modulation of their own; its
`distilled_guidance_layer`, which stands in for it, is IN. XLabs' files name a block's processor.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import CROSS_ATTENTION, T5_THEN_CLIP, inspire_streams, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "CLIP T5 IN D# S# OUT"

FLUX1 = Family(
    name="flux1",
    title="Flux.1 (with Kontext and Chroma)",
    order=_ORDER,
    layouts=sizes("flux1", _ORDER, ("dev, schnell, Kontext, Chroma", {"D": 19, "S": 38})),
    rules=(
        series(r"(?:double_blocks|transformer_blocks)_(\d+)_", "D"),
        series(r"(?:single_blocks|single_transformer_blocks)_(\d+)_", "S"),
        named("IN", "img_in", "txt_in", "time_in", "vector_in", "guidance_in", "distilled_guidance_layer"),
        named("IN", "x_embedder", "context_embedder", "time_text_embed"),
        named("OUT", "final_layer", "norm_out", "proj_out"),
        *T5_THEN_CLIP,
    ),
    signs=(
        r"^double_blocks_\d+_(?:(?:img|txt)_mod_lin$|processor_)",
        r"^single_blocks_\d+_(?:modulation_lin$|processor_)",
        r"^distilled_guidance_layer_",
    ),
    foreign=(CROSS_ATTENTION,),
    other_layouts=(inspire_streams("flux1", ("CLIP", "T5", "IN", "OUT"), 19, 38),),
)
