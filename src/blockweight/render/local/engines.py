"""Which engine draws with a model: one line for every kind."""

from __future__ import annotations

from pathlib import Path

import torch

from blockweight.render.local.engine import Engine
from blockweight.render.local.models import load_pipeline
from blockweight.render.local.stable_diffusion import StableDiffusion

FAMILIES = ("sd1", "sd2", "sdxl")
"""The families that some engine draws."""


def load_engine(path: Path, device: torch.device, config: Path | None = None) -> Engine:
    """The model at `path` (a diffusers folder or a `.safetensors` checkpoint) on `device`, ready to draw. As
    `load_pipeline`."""
    return StableDiffusion(load_pipeline(path, device, config), device)
