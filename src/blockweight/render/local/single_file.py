"""What a single `.safetensors` file holds, told from its header before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.render.local.architectures import SD1, SD2, SDXL, Architecture

_OTHER_MODELS = (
    ("conditioner.embedders.0.model.", "the refiner of Stable Diffusion XL, which draws over another model's pictures"),
    ("model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"),
    ("model.diffusion_model.double_blocks.", "a Flux checkpoint"),
    ("double_blocks.", "a Flux checkpoint"),
    ("control_model.", "a ControlNet"),
    ("down_blocks.", "the UNet of a diffusers folder"),
    ("encoder.down", "a VAE"),
    ("embedder.model.", "a model that varies pictures (unCLIP)"),
    ("edm_", "a model trained with other noise levels (EDM)"),
)
"""Beginning of a tensor's name → what the file is; the first that is found counts."""

_PARTS = (("model.diffusion_model.input_blocks.", "UNet"), ("first_stage_model.", "VAE"))
"""The parts of a checkpoint beside its text encoders, as CompVis' latent-diffusion names them."""

_TEXT_ENCODERS = {
    SDXL: (
        ("conditioner.embedders.0.transformer.", "first text encoder"),
        ("conditioner.embedders.1.model.", "second text encoder"),
    ),
    SD2: (("cond_stage_model.model.", "text encoder"),),
    SD1: (("cond_stage_model.transformer.", "text encoder"),),
}
"""Those of each kind, with which its checkpoints are told apart, as Stability's code names them: generative-models for
SDXL, stablediffusion for SD2."""

_FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
_ADVICE = "give a whole checkpoint of Stable Diffusion 1.x, 2.x or XL, or a diffusers folder."


@dataclass(frozen=True)
class SingleFile:
    """A checkpoint in one file: its kind; what it was trained to predict, by diffusers' words, None if it does not say;
    and whether its last timestep is pure noise."""

    architecture: Architecture
    prediction: str | None
    zero_terminal_snr: bool


def read_checkpoint(path: Path) -> SingleFile:
    """What `path` is. Raise BlockweightError unless it is a sound safetensors file with all parts of a Stable Diffusion
    that starts from noise alone.

    What it predicts is told by a tensor called `v_pred`, as NoobAI's models have one, or by ModelSpec's
    `modelspec.prediction_type`; the noise by a tensor called `ztsnr`. Nothing beside the file counts, because pictures
    are known by the file's hash.
    """
    header = read_header(path)
    tensors = {info.name: info for info in header.tensors}
    for start, what in _OTHER_MODELS:
        if _has(tensors, start):
            raise BlockweightError(f"'{path}' is {what}; {_ADVICE}")
    kinds = (kind for kind, encoders in _TEXT_ENCODERS.items() if any(_has(tensors, start) for start, _ in encoders))
    kind = next(kinds, SD1)
    wanted = (*_PARTS, *_TEXT_ENCODERS[kind])
    lacking = [part for start, part in wanted if not _has(tensors, start)]
    if len(lacking) == len(wanted):
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
    return SingleFile(kind, _prediction(tensors, header.metadata.get("modelspec.prediction_type")), "ztsnr" in tensors)


def _prediction(tensors: Collection[str], said: str | None) -> str | None:
    if "v_pred" in tensors:
        return "v_prediction"
    return {"v": "v_prediction", "epsilon": "epsilon"}.get(said or "")


def _has(tensors: Collection[str], start: str) -> bool:
    return any(name.startswith(start) for name in tensors)
