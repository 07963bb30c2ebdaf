"""Stable Diffusion XL (with its finetunes: Pony, Illustrious, NoobAI).

Block names and order: LoRA Block Weight, `lbw_lora.py` at b403cb7. The numbering is that of the original UNet; three
levels instead of SD1's four, so IN00 to IN08 and OUT00 to OUT08. Both text encoders share BASE.
"""

from __future__ import annotations

from blockweight.blocks.families.sd1 import SDXL_SIGNS, UNET, UNET_SIGNS
from blockweight.blocks.families.shared import clip_layers, inspire_unet
from blockweight.blocks.family import Family, Rule
from blockweight.blocks.layout import Layout, blocks_in_order, numbered

_ORDER = "BASE IN# M# OUT#"
_BLOCKS = blocks_in_order(_ORDER, {"IN": 9, "M": 1, "OUT": 9})
_STANDARD = ("BASE", "IN04", "IN05", "IN07", "IN08", "M00", *numbered("OUT", 6))
"""The blocks with attention."""

SDXL = Family(
    name="sdxl",
    title="Stable Diffusion XL",
    order=_ORDER,
    layouts=(
        Layout("sdxl-20", "sdxl", _BLOCKS, "LoCon and full"),
        Layout("sdxl-12", "sdxl", _STANDARD, "standard LoRA", partial=True),
    ),
    rules=(
        Rule(UNET, r"conv_in$", "IN00"),
        Rule(UNET, r"down_blocks_([0-2])_(?:resnets|attentions)_([01])_", "IN", base=1, step=3),
        Rule(UNET, r"down_blocks_([01])_downsamplers_0_", "IN", base=3, step=3),
        Rule(UNET, r"mid_block_", "M00"),
        Rule(UNET, r"up_blocks_([0-2])_(?:resnets|attentions)_([0-2])_", "OUT", base=0, step=3),
        Rule(UNET, r"up_blocks_([01])_upsamplers_0_", "OUT", base=2, step=3),
        Rule(UNET, r"input_blocks_([0-8])_", "IN"),
        Rule(UNET, r"middle_block_", "M00"),
        Rule(UNET, r"output_blocks_([0-8])_", "OUT"),
        clip_layers("text_encoder", "text_encoder_2"),
    ),
    signs=SDXL_SIGNS,
    foreign=(*UNET_SIGNS, r"^text_encoder_[34]\."),
    other_layouts=(inspire_unet("sdxl", 9),),
)
