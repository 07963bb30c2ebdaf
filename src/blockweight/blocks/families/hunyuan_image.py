"""HunyuanImage 2.1.

Names: Tencent's `HYImageDiffusionTransformer` (also in kohya-ss/sd-scripts, `library/hunyuan_image_models.py`) and
diffusers' `HunyuanImageTransformer2DModel`; 20 + 40 blocks. Its blocks have the names and the number of HunyuanVideo's:
only a LoRA that also trains an embedder of one of them can be told from the other's.
"""

from __future__ import annotations

from blockweight.blocks.families.hunyuan_video import HUNYUAN_RULES, HUNYUAN_SIGNS
from blockweight.blocks.families.shared import CROSS_ATTENTION
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN D# S# OUT"

HUNYUAN_IMAGE = Family(
    name="hunyuan-image",
    title="HunyuanImage 2.1",
    order=_ORDER,
    layouts=sizes("hunyuan-image", _ORDER, ("2.1", {"D": 20, "S": 40})),
    rules=HUNYUAN_RULES,
    signs=HUNYUAN_SIGNS,
    foreign=(
        CROSS_ATTENTION,
        r"^double_blocks_\d+_(?:img|txt)_attn_[qkv]$",
        r"^(?:vector_in|time_text_embed|vision_in|image_embedder|clean_x_embedder|image_projection|cond_type_embed)",
    ),
)
