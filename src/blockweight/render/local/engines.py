"""Which engine draws with a model: one line for every kind."""

from __future__ import annotations

from pathlib import Path

import torch

from blockweight.render.checkpoints import check_is_here
from blockweight.render.local.engine import Engine
from blockweight.render.local.models import load_pipeline
from blockweight.render.local.pipeline_kinds import KINDS
from blockweight.render.local.pipeline_loading import load_flow_pipeline, refuse_transformer
from blockweight.render.local.pipelines import PipelineEngine
from blockweight.render.local.stable_diffusion import StableDiffusion
from blockweight.render.model_families import pipeline_class

FAMILIES = tuple(dict.fromkeys(("sd1", "sd2", "sdxl", *(kind.family for kind in KINDS.values()))))
"""The families that some engine draws."""


def load_engine(
    path: Path, device: torch.device, config: Path | None = None, dtype: torch.dtype | None = None
) -> Engine:
    """The model at `path` (a diffusers folder or a `.safetensors` checkpoint) on `device`, ready to draw. As
    `load_flow_pipeline` for the pipelines that it knows, as `load_pipeline` for all others."""
    check_is_here(path)
    if pipeline_class(path) in KINDS:
        return PipelineEngine(*load_flow_pipeline(path, device, dtype), device)
    if path.is_file():
        refuse_transformer(path)
    return StableDiffusion(load_pipeline(path, device, config, dtype), device)
