"""Stable Diffusion 1.x.

Block names and order: LoRA Block Weight, `lbw_lora.py` (hako-mikan/sd-webui-lora-block-weight at b403cb7); tests
compare with what its code answers. The numbering is that of the original UNet's `input_blocks`, `middle_block` and
`output_blocks`; in diffusers' names, layer j of level i is IN(1+3i+j) on the way down and OUT(3i+j) on the way up, the
downsampler of level i is IN(3+3i) and the upsampler OUT(2+3i).
"""

from __future__ import annotations

from blockweight.blocks.family import Family, Layout, Rule

_UNET = ("unet",)

_BLOCKS = ("BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12)))
_CONV_ONLY = ("IN00", "IN03", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01", "OUT02")
"""Blocks without attention: a standard LoRA has nothing there, a LoCon (C3Lier) has."""

SD1 = Family(
    name="sd1",
    title="Stable Diffusion 1.x",
    layouts=(
        Layout("sd1-26", "sd1", _BLOCKS),
        Layout("sd1-17", "sd1", tuple(block for block in _BLOCKS if block not in _CONV_ONLY)),
    ),
    rules=(
        Rule(_UNET, r"conv_in$", "IN00"),
        Rule(_UNET, r"down_blocks_(\d+)_(?:resnets|attentions)_(\d+)_", "IN", base=1, step=3),
        Rule(_UNET, r"down_blocks_(\d+)_downsamplers_0_", "IN", base=3, step=3),
        Rule(_UNET, r"mid_block_", "M00"),
        Rule(_UNET, r"up_blocks_(\d+)_(?:resnets|attentions)_(\d+)_", "OUT", base=0, step=3),
        Rule(_UNET, r"up_blocks_(\d+)_upsamplers_0_", "OUT", base=2, step=3),
        Rule(_UNET, r"input_blocks_(\d+)_", "IN"),
        Rule(_UNET, r"middle_block_", "M00"),
        Rule(_UNET, r"output_blocks_(\d+)_", "OUT"),
        Rule(("text_encoder",), r"(?:text_model_)?encoder_layers_", "BASE"),
    ),
    foreign=(r"^text_encoder_[23]\.", r"transformer_blocks_[1-9]", r"^unet\.(?:double_blocks|single_blocks)_"),
)
