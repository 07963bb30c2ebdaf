"""Samplers by the WebUI's names, as diffusers schedulers over the model's own β schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffusers

from blockweight.errors import BlockweightError


@dataclass(frozen=True)
class Sampler:
    """A scheduler class of diffusers and the settings that make it the WebUI's sampler of this name."""

    scheduler: str
    settings: Mapping[str, Any]


SAMPLERS: dict[str, Sampler] = {
    "DPM++ 2M Karras": Sampler("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "DPM++ 2M": Sampler("DPMSolverMultistepScheduler", {}),
    "Euler a": Sampler("EulerAncestralDiscreteScheduler", {}),
    "Euler": Sampler("EulerDiscreteScheduler", {}),
    "DDIM": Sampler("DDIMScheduler", {"set_alpha_to_one": False, "clip_sample": False}),
}
"""diffusers' names for k-diffusion's samplers: huggingface.co/docs/diffusers/api/schedulers/overview."""


def check_sampler(name: str) -> None:
    """Raise BlockweightError if there is no sampler of this name."""
    if name not in SAMPLERS:
        raise BlockweightError(f"There is no sampler '{name}'; use one of: {', '.join(SAMPLERS)}.")


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for the sampler `name`, over the β schedule of the model's scheduler `config`."""
    sampler = SAMPLERS[name]
    return getattr(diffusers, sampler.scheduler).from_config(config, **sampler.settings)
