"""Trainings and the module names that patterns are tried on, for the suites of this room."""

from __future__ import annotations

from blockweight.blocks import layout_by_name
from blockweight.blocks.layout import series_and_number
from blockweight.train import Training
from blockweight.train.block_names import SERIES
from blockweight.weights import uniform

LAYOUTS = ("sd1-26", "sd2-26", "sdxl-20", "flux1-61", "sd3-42", "sd3-28", "hunyuan-image-62", "anima-37")
MASKED = ("flux1-61", "flux2-58", "wan-42", "wan-32", "qwen-image-62", "zimage-36", "hunyuan-video-62", "kandinsky5-66")
MASKED = (*MASKED, "krea2-34", "hunyuan-video-56")


def training(layout: str = "sd1-26", base: float = 1.0, *, unet_lr: float = 1e-4, te: float = 5e-5, **changes: float):
    """Weights that are all `base` but for `changes`, with learning rates."""
    return Training(uniform("test", layout_by_name(layout), base).with_weights(changes), unet_lr, te)


def dotted_name(family: str, block: str, leaf: str = "attn.to_q") -> str:
    """The name of a module in a numbered block, as the model has it."""
    series, number = series_and_number(block)
    return f"{SERIES[family][series]}.{number}.{leaf}"


def lora_name(family: str, block: str) -> str:
    """The same in a LoRA file."""
    return f"lora_unet_{dotted_name(family, block).replace('.', '_')}"
