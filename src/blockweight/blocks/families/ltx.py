"""LTX-Video and LTX-2.

Names: Lightricks' `Transformer3DModel` and diffusers' `LTXVideoTransformer3DModel` and `LTX2VideoTransformer3DModel`,
whose blocks are `transformer_blocks` in every dialect; 28 in the 2B, 48 in the 13B and in LTX-2, where a block holds
video and audio. The connectors of LTX-2's text encoder are IN.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import JOINT_ATTENTION, named, series
from blockweight.blocks.family import Family, Rule
from blockweight.blocks.layout import sizes

_ORDER = "IN B# OUT"

LTX = Family(
    name="ltx",
    title="LTX-Video and LTX-2",
    order=_ORDER,
    layouts=sizes("ltx", _ORDER, ("LTX-Video 13B, LTX-2", {"B": 48}), ("LTX-Video 2B", {"B": 28})),
    rules=(
        series(r"transformer_blocks_(\d+)_", "B"),
        named("IN", r"(?:audio_)?(?:proj_in|patchify_proj|time_embed|adaln_single|caption_projection)"),
        named("IN", r"(?:audio_)?prompt_adaln(?:_single)?", r"av_(?:cross_attn|ca)_\w+?"),
        named("IN", r"(?:video|audio)_(?:embeddings_)?connector", "text_embedding_projection"),
        named("OUT", r"(?:audio_)?(?:proj_out|norm_out)"),
        Rule(("connectors",), r"", "IN"),
    ),
    signs=(
        r"^transformer_blocks_\d+_(?:audio_|video_to_audio_)",
        r"^(?:audio_)?(?:patchify_proj|adaln_single|time_embed_emb)(?:_|$)",
    ),
    # CogVideoX, Mochi, PixArt and HunyuanDiT have blocks of the same name, but also these.
    foreign=(
        JOINT_ATTENTION,
        r"^transformer_blocks_\d+_(?:norm\d_linear|attn1_add_|attn1_to_add_|norm1_)",
        r"^(?:pos_embed|patch_embed|patch_embedding)_",
    ),
)
