"""Samplers by the WebUI's names, as diffusers schedulers. Data only: nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sampler:
    """A scheduler class of diffusers and the settings that make it the WebUI's sampler of this name."""

    scheduler: str
    settings: Mapping[str, Any]


# k-diffusion spaces the steps evenly over the whole schedule, ends at σ = 0, and makes the last step of 2M first order.
_K_DIFFUSION = {"timestep_spacing": "linspace"}
_DPMPP_2M = {
    **_K_DIFFUSION,
    "algorithm_type": "dpmsolver++",
    "solver_order": 2,
    "solver_type": "midpoint",
    "final_sigmas_type": "zero",
}

SAMPLERS: dict[str, Sampler] = {
    "DPM++ 2M Karras": Sampler("DPMSolverMultistepScheduler", {**_DPMPP_2M, "use_karras_sigmas": True}),
    "DPM++ 2M": Sampler("DPMSolverMultistepScheduler", _DPMPP_2M),
    "Euler a": Sampler("EulerAncestralDiscreteScheduler", _K_DIFFUSION),
    "Euler": Sampler("EulerDiscreteScheduler", _K_DIFFUSION),
    "DDIM": Sampler("DDIMScheduler", {"set_alpha_to_one": False, "clip_sample": False, "steps_offset": 1}),
}
"""diffusers' names for k-diffusion's samplers: huggingface.co/docs/diffusers/api/schedulers/overview."""
