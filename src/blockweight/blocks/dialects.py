"""Which dialect a tensor key is written in: whose names it uses for the model's layers."""

from __future__ import annotations

import re

from blockweight.blocks.keys import parse_key

DIALECTS: tuple[tuple[str, str, str], ...] = (
    ("xlabs", "XLabs, Flux", r".*_lora\d\.(?:up|down)\.weight$"),
    ("diffusers-old", "diffusers before PEFT", r".*(?:_lora|\.lora|\.lora_linear_layer)\.(?:up|down)\.weight$"),
    ("onetrainer", "OneTrainer", r"lora_transformer_"),
    ("kohya", "kohya", r"lora_(?:unet|te[1-4]?)_"),
    ("lycoris", "LyCORIS", r"lycoris_"),
    ("peft", "PEFT", r"base_model\.model\."),
    ("diffusers", "diffusers", r"(?:unet|transformer(?:_2)?|text_encoder(?:_[234])?|text_conditioner|connectors)\."),
    ("original", "the model's own names, as ComfyUI and ai-toolkit write them", r""),
)
"""Name, title, and the pattern that a key begins with, first fit counts; what fits no other pattern is in the model's
own names, with or without `diffusion_model.` (blocks/keys.py says who writes which)."""

_STARTS = tuple((name, re.compile(pattern, re.ASCII)) for name, _, pattern in DIALECTS)


def dialect_of(key: str) -> str | None:
    """The name in DIALECTS of the dialect that a tensor key is written in; None for a key that is not understood.

    >>> dialect_of("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight")
    'kohya'
    >>> dialect_of("transformer.single_transformer_blocks.0.proj_mlp.lora_A.weight")
    'diffusers'
    """
    if parse_key(key) is None:
        return None
    return next(name for name, start in _STARTS if start.match(key))
