"""Stable Diffusion 2.x: the UNet of Stable Diffusion 1 with another text encoder (OpenCLIP ViT-H).

Block names and order: LoRA Block Weight, as for sd1. Only the text encoder's layers beyond the twelfth tell an SD2 LoRA
from an SD1 one by its keys; without them name the family.
"""

from __future__ import annotations

from blockweight.blocks.families.sd1 import (
    BLOCKS,
    OPENCLIP_SIGNS,
    ORDER,
    SDXL_SIGNS,
    STANDARD_BLOCKS,
    UNET_RULES,
    UNET_SIGNS,
)
from blockweight.blocks.families.shared import clip_layers, inspire_unet
from blockweight.blocks.family import Family
from blockweight.blocks.layout import Layout

SD2 = Family(
    name="sd2",
    title="Stable Diffusion 2.x",
    order=ORDER,
    layouts=(
        Layout("sd2-26", "sd2", BLOCKS, "LoCon and full"),
        Layout("sd2-17", "sd2", STANDARD_BLOCKS, "standard LoRA", partial=True),
    ),
    rules=(*UNET_RULES, clip_layers("text_encoder")),
    signs=(*UNET_SIGNS, *OPENCLIP_SIGNS),
    foreign=(*SDXL_SIGNS, r"^text_encoder_[234]\."),
    other_layouts=(inspire_unet("sd2", 12),),
)
