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

_OF_THE_MODEL = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)


def check_sampler(name: str) -> None:
    """Raise BlockweightError if there is no sampler of this name."""
    if name not in SAMPLERS:
        raise BlockweightError(f"There is no sampler '{name}'; use one of: {', '.join(SAMPLERS)}.")


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for the sampler `name`, over the β schedule of the model's scheduler `config`.

    Only what the model was trained with is taken from there: a model saved with, say, Karras sigmas must not turn
    every sampler into its Karras form.
    """
    sampler = SAMPLERS[name]
    trained = {key: config[key] for key in _OF_THE_MODEL if key in config}
    return getattr(diffusers, sampler.scheduler).from_config({**trained, **sampler.settings})
