"""What a single `.safetensors` file holds, told from its tensors' names before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import read_header

_OTHER_MODELS = (
    ("conditioner.embedders.", "a Stable Diffusion XL checkpoint"),
    ("cond_stage_model.model.", "a Stable Diffusion 2 checkpoint"),
    ("model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"),
    ("model.diffusion_model.double_blocks.", "a Flux checkpoint"),
    ("double_blocks.", "a Flux checkpoint"),
    ("control_model.", "a ControlNet"),
    ("down_blocks.", "the UNet of a diffusers folder"),
    ("encoder.down", "a VAE"),
)
"""Beginning of a tensor's name → what the file is; the first that is found counts."""

_PARTS = (
    ("model.diffusion_model.input_blocks.", "UNet"),
    ("first_stage_model.", "VAE"),
    ("cond_stage_model.transformer.", "text encoder"),
)
"""The parts of a Stable Diffusion 1.x checkpoint, as CompVis' latent-diffusion names them."""

_FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
_ADVICE = "give a whole Stable Diffusion 1.x checkpoint or a diffusers folder."


def check_checkpoint(path: Path) -> None:
    """Raise BlockweightError unless `path` is a sound safetensors file with the three parts of a Stable Diffusion 1.x
    checkpoint that starts from noise alone."""
    tensors = {info.name: info for info in read_header(path).tensors}
    lacking = [part for start, part in _PARTS if not any(name.startswith(start) for name in tensors)]
    for start, what in _OTHER_MODELS:
        if any(name.startswith(start) for name in tensors):
            raise BlockweightError(f"'{path}' is {what}; {_ADVICE}")
    if len(lacking) == len(_PARTS):
        lora = any(name.startswith(("lora_", "lycoris_")) or ".lora" in name for name in tensors)
        what = "is a LoRA, not a model" if lora else "holds no model that is known here"
        raise BlockweightError(f"'{path}' {what}; {_ADVICE}")
    if lacking:
        raise BlockweightError(f"'{path}' holds no {' and no '.join(lacking)}; {_ADVICE}")
    first = tensors.get(_FIRST_LAYER)
    if first is not None and first.shape[1:2] != (4,):
        raise BlockweightError(
            f"'{path}' is an inpainting or editing model, which needs a picture to start from; {_ADVICE}"
        )
