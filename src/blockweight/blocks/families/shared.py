"""Pieces that several families have in common: components, text encoders, the UNet's blocks, other tools' layouts."""

from __future__ import annotations

from blockweight.blocks.family import Rule
from blockweight.blocks.keys import DENOISERS, TEXT_ENCODERS
from blockweight.blocks.layout import INSPIRE, REST, Layout, numbered


def series(pattern: str, block: str) -> Rule:
    """Modules of the denoiser under `pattern`, whose group is the number, are a series of blocks."""
    return Rule(DENOISERS, pattern, block)


def named(block: str, *modules: str) -> Rule:
    """The denoiser's modules with these names (patterns), and all below them, are one block."""
    return Rule(DENOISERS, rf"(?:{'|'.join(modules)})(?:_|$)", block)


CROSS_ATTENTION = r"^transformer_blocks_\d+_attn[12]_"
JOINT_ATTENTION = r"^transformer_blocks_\d+_attn_"
"""diffusers calls the blocks of most models `transformer_blocks`. Inside, models that attend to text and picture at
once have one `attn`, those that attend to the text apart from it `attn1` and `attn2`: each is foreign to the other."""

TEXT_LAYERS = Rule(TEXT_ENCODERS, r"(?:(?:model|language_model|text_model|encoder)_)*(?:layers|block)_(?=\d)", "BASE")
"""The layers of any text encoder as one block; its embeddings and last norm are nobody's, as in LoRA Block Weight."""

T5_THEN_CLIP = (
    Rule(TEXT_ENCODERS, r"encoder_(?:block_|final_layer_norm|embed_tokens)|shared$", "T5"),
    Rule(("text_encoder_3",), r"", "T5"),
    Rule(("text_encoder", "text_encoder_2"), r"", "CLIP"),
)
"""CLIP and T5 by their own module names: trainers number the encoders differently (T5 is te1, te2 or te3). The whole
encoder counts, embeddings and projection too. Source: LoRA Block Weight's Flux branch (`t5xxl`, `clip_`)."""


def clip_layers(*components: str) -> Rule:
    """The layers of CLIP text encoders as BASE. Source: LoRA Block Weight (`encoder`, `transformer_resblocks`)."""
    return Rule(components, r"(?:text_model_)?encoder_layers_|(?:model_)?transformer_resblocks_", "BASE")


def inspire_unet(family: str, size: int) -> Layout:
    """The Inspire Pack's vector for a LoCon of a UNet with `size` blocks on each side.

    It has no IN00, three entries for the middle (`middle_block.0` to `.2`, all in our M00), and BASE for all else.
    Source: ComfyUI-Inspire-Pack, `LoraLoaderBlockWeight`, which sorts the modules' numbers within each section.
    """
    middle = ("MID0", "MID1", "MID2")
    blocks = ("BASE", *numbered("IN", size - 1, first=1), *middle, *numbered("OUT", size))
    covers = (("BASE", ("BASE", REST)), *((entry, ("M00",)) for entry in middle))
    return Layout(f"{family}-inspire-{len(blocks)}", family, blocks, "LoCon, Inspire Pack", covers=covers, tool=INSPIRE)


def inspire_streams(family: str, singles: tuple[str, ...], double: int, single: int) -> Layout:
    """The Inspire Pack's vector for a model with `double_blocks` and `single_blocks`: BASE covers all else."""
    blocks = ("BASE", *numbered("D", double), *numbered("S", single))
    name = f"{family}-inspire-{len(blocks)}"
    covers = (("BASE", (*singles, REST)),)
    return Layout(name, family, blocks, "Inspire Pack", covers=covers, tool=INSPIRE)
