"""Stable Diffusion 1.x.

Block names and order: LoRA Block Weight, `lbw_lora.py` (hako-mikan/sd-webui-lora-block-weight at b403cb7); tests
compare with what its code answers. The numbering is that of the original UNet's `input_blocks`, `middle_block` and
`output_blocks`; in diffusers' names, layer j of level i is IN(1+3i+j) on the way down and OUT(3i+j) on the way up, the
downsampler of level i is IN(3+3i) and the upsampler OUT(2+3i).
"""

from __future__ import annotations

from blockweight.blocks.families.shared import clip_layers, inspire_unet
from blockweight.blocks.family import Family, Rule
from blockweight.blocks.layout import Layout, blocks_in_order

UNET = ("unet",)

ORDER = "BASE IN# M# OUT#"
BLOCKS = blocks_in_order(ORDER, {"IN": 12, "M": 1, "OUT": 12})
_CONV_ONLY = ("IN00", "IN03", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01", "OUT02")
"""Blocks without attention: a standard LoRA has nothing there, a LoCon (C3Lier) has."""

STANDARD_BLOCKS = tuple(block for block in BLOCKS if block not in _CONV_ONLY)

UNET_RULES = (
    Rule(UNET, r"conv_in$", "IN00"),
    Rule(UNET, r"down_blocks_([0-3])_(?:resnets|attentions)_([01])_", "IN", base=1, step=3),
    Rule(UNET, r"down_blocks_([0-2])_downsamplers_0_", "IN", base=3, step=3),
    Rule(UNET, r"mid_block_", "M00"),
    Rule(UNET, r"up_blocks_([0-3])_(?:resnets|attentions)_([0-2])_", "OUT", base=0, step=3),
    Rule(UNET, r"up_blocks_([0-2])_upsamplers_0_", "OUT", base=2, step=3),
    Rule(UNET, r"input_blocks_(\d|1[01])_", "IN"),
    Rule(UNET, r"middle_block_", "M00"),
    Rule(UNET, r"output_blocks_(\d|1[01])_", "OUT"),
)

UNET_SIGNS = (
    r"^down_blocks_(?:0_attentions|2_downsamplers|3)_",
    r"^up_blocks_(?:2_attentions|2_upsamplers|3)_",
    r"^(?:input|output)_blocks_(?:9|10|11)_",
    r"^input_blocks_[12]_1_",
    r"^output_blocks_[678]_1_",
)
"""Four levels, and attention on the outermost: SDXL's UNet has neither."""

SDXL_SIGNS = (
    r"^(?:(?:down|up|input|output)_blocks|mid_block|middle_block)_\w*transformer_blocks_[1-9]",
    r"^up_blocks_0_attentions_",
    r"^output_blocks_[0-2]_1_(?!conv)",
    r"^output_blocks_2_2_",
    r"^(?:add_embedding|class_embedding|label_emb)_",
    r"^text_encoder_2\.(?:text_model_)?encoder_layers_",
)
"""Several transformer layers in a row, attention beside the middle, a second text encoder: SDXL's."""

OPENCLIP_SIGNS = (r"^text_encoder\.(?:text_model_)?encoder_layers_(?:1[2-9]|2\d)_", r"^text_encoder\.\w*resblocks_")
"""A text encoder with more than 12 layers: SD2's (24, of which 23 are used)."""

SD1 = Family(
    name="sd1",
    title="Stable Diffusion 1.x",
    order=ORDER,
    layouts=(
        Layout("sd1-26", "sd1", BLOCKS, "LoCon and full"),
        Layout("sd1-17", "sd1", STANDARD_BLOCKS, "standard LoRA", partial=True),
    ),
    rules=(*UNET_RULES, clip_layers("text_encoder")),
    signs=UNET_SIGNS,
    foreign=(*SDXL_SIGNS, *OPENCLIP_SIGNS, r"^text_encoder_[234]\."),
    other_layouts=(inspire_unet("sd1", 12),),
)
