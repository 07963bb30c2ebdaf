"""HunyuanVideo, FramePack and HunyuanVideo 1.5.

Names: Tencent's `MMDoubleStreamBlock` and `MMSingleStreamBlock` (also in kohya-ss/musubi-tuner, `hunyuan_model/` and
`hunyuan_video_1_5/`), ComfyUI's, which are Flux's, and diffusers' `HunyuanVideoTransformer3DModel` with its FramePack
and 1.5 sisters. 20 + 40 blocks; 1.5 has 54 double blocks and no single ones. The token refiner inside `txt_in`
(diffusers: `context_embedder`) is IN.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import CROSS_ATTENTION, inspire_streams, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN D# S# OUT"

HUNYUAN_RULES = (
    series(r"(?:double_blocks|transformer_blocks)_(\d+)_", "D"),
    series(r"(?:single_blocks|single_transformer_blocks)_(\d+)_", "S"),
    named("IN", "img_in", "txt_in", "time_in", "vector_in", "guidance_in", "vision_in", "byt5_in", "time_r_in"),
    named("IN", "x_embedder", "clean_x_embedder", "context_embedder", "image_embedder", "image_projection"),
    named("IN", "time_text_embed", "time_guidance_embed", "time_embed", "cond_type_embed(?:ding)?"),
    named("OUT", "final_layer", "norm_out", "proj_out"),
)

HUNYUAN_SIGNS = (
    r"^double_blocks_\d+_(?:img|txt)_(?:mlp_fc[12]|mod_linear|attn_[qk]_norm)$",
    r"^single_blocks_\d+_modulation_linear$",
    r"^txt_in_individual_token_refiner_",
    r"^context_embedder_(?:token_refiner|proj_in|time_text_embed)_?",
)
"""What HunyuanVideo and HunyuanImage have in common, and Flux has not."""

HUNYUAN_VIDEO = Family(
    name="hunyuan-video",
    title="HunyuanVideo (with FramePack and 1.5)",
    order=_ORDER,
    layouts=sizes(
        "hunyuan-video", _ORDER, ("HunyuanVideo, FramePack", {"D": 20, "S": 40}), ("HunyuanVideo 1.5", {"D": 54})
    ),
    rules=HUNYUAN_RULES,
    signs=(
        *HUNYUAN_SIGNS,
        r"^double_blocks_\d+_(?:img|txt)_attn_[qkv]$",
        r"^(?:clean_x_embedder|image_projection|vision_in|cond_type_embed)",
    ),
    foreign=(
        CROSS_ATTENTION,
        r"^time_guidance_embed_",
    ),
    other_layouts=(inspire_streams("hunyuan-video", ("IN", "OUT"), 20, 40),),
)
