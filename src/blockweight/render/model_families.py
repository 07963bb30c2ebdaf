"""The families of block weights that fit a model, told by its files without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import read_header

_BY_PIPELINE = {
    "StableDiffusionPipeline": ("sd1", "sd2"),
    "StableDiffusionXLPipeline": ("sdxl",),
    "StableDiffusion3Pipeline": ("sd3",),
    "FluxPipeline": ("flux1",),
    "ChromaPipeline": ("flux1",),
    "Flux2Pipeline": ("flux2",),
    "Flux2KleinPipeline": ("flux2",),
    "ZImagePipeline": ("zimage",),
    "QwenImagePipeline": ("qwen-image",),
    "Krea2Pipeline": ("krea2",),
    "Lumina2Pipeline": ("lumina2",),
    "WanPipeline": ("wan",),
}
"""diffusers' pipeline classes that are drawn here. One is for two families, which only the sizes of layers tell
apart."""

_BY_NAME = {
    "conditioner.embedders.": ("sdxl",),
    "cond_stage_model.model.": ("sd2", "sd1"),
    "cond_stage_model.transformer.": ("sd1",),
}
"""Beginnings of the text encoders' names in single checkpoints (`render.local.single_file`). LoRAs of SD2 without a
text encoder are taken for SD1's."""


def pipeline_class(path: Path) -> str | None:
    """The pipeline class that a diffusers folder names; None if it names none."""
    try:
        found = json.loads((path / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def families_of(path: Path) -> tuple[str, ...]:
    """The families for the model at `path`, a diffusers folder or a single checkpoint; none where its files do not
    tell, or it is not there."""
    try:
        if path.is_dir():
            return _BY_PIPELINE.get(pipeline_class(path) or "", ())
        names = [info.name for info in read_header(path).tensors]
    except (OSError, ValueError, BlockweightError):
        return ()
    return next((found for start, found in _BY_NAME.items() if any(name.startswith(start) for name in names)), ())
