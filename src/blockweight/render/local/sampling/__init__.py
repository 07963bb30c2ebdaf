"""Samplers, schedules and noise as the WebUI has them, over what a model predicts."""

from blockweight.render.local.sampling.levels import NOISE_SETTINGS, SD1_ALIGNED, SDXL_ALIGNED, Levels, trained_levels
from blockweight.render.local.sampling.model import Model
from blockweight.render.local.sampling.noise import Noise, Seed
from blockweight.render.local.sampling.passes import (
    Plan,
    from_latents,
    from_noise,
    from_picture,
    steps_over,
    whole_steps,
)
from blockweight.render.local.sampling.unipc import ORDER as LEAST_UNIPC_STEPS
from blockweight.render.local.sampling.upscale import cropped, encoded, enlarged_latents, enlarged_picture

__all__ = [
    "LEAST_UNIPC_STEPS",
    "NOISE_SETTINGS",
    "SD1_ALIGNED",
    "SDXL_ALIGNED",
    "Levels",
    "Model",
    "Noise",
    "Plan",
    "Seed",
    "cropped",
    "encoded",
    "enlarged_latents",
    "enlarged_picture",
    "from_latents",
    "from_noise",
    "from_picture",
    "steps_over",
    "trained_levels",
    "whole_steps",
]
