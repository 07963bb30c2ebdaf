"""The samplers of scenes without a schedule type: diffusers' schedulers, as these scenes were always drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from torch import Tensor

from blockweight.render.local.sampling.levels import NOISE_SETTINGS


@dataclass(frozen=True)
class _Scheduler:
    """A scheduler class of diffusers and the settings that come near to the WebUI's sampler of this name."""

    name: str
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

EARLIER_SAMPLERS: dict[str, _Scheduler] = {
    "DPM++ 2M Karras": _Scheduler("DPMSolverMultistepScheduler", {**_DPMPP_2M, "use_karras_sigmas": True}),
    "DPM++ 2M": _Scheduler("DPMSolverMultistepScheduler", _DPMPP_2M),
    "Euler a": _Scheduler("EulerAncestralDiscreteScheduler", _K_DIFFUSION),
    "Euler": _Scheduler("EulerDiscreteScheduler", _K_DIFFUSION),
    "DDIM": _Scheduler("DDIMScheduler", {"set_alpha_to_one": False, "clip_sample": False, "steps_offset": 1}),
}
"""diffusers' names for k-diffusion's samplers: huggingface.co/docs/diffusers/api/schedulers/overview."""

_OF_THE_MODEL = (*NOISE_SETTINGS, "prediction_type")


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for the sampler `name`, over the β schedule of the model's scheduler `config`.

    Only what the model was trained with is taken from there: a model saved with, say, Karras sigmas must not turn
    every sampler into its Karras form.
    """
    scheduler = EARLIER_SAMPLERS[name]
    trained = {key: config[key] for key in _OF_THE_MODEL if key in config}
    return getattr(diffusers, scheduler.name).from_config({**trained, **scheduler.settings})


def draw_earlier(
    scheduler: Any, predict: Callable[[Tensor, Tensor], Tensor], seeds: Sequence[int], shape: Sequence[int]
) -> Tensor:
    """Latents of the finished pictures, (N, C, h, w), fp32, by a scheduler whose timesteps are set on the device.
    `predict` is the model's guided prediction for latents and a timestep, `shape` that of one picture's latents."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])
    latents: Tensor = noise.to(scheduler.timesteps.device) * scheduler.init_noise_sigma
    extra = {"generator": generators} if "Ancestral" in type(scheduler).__name__ else {}
    for timestep in scheduler.timesteps:
        predicted = predict(scheduler.scale_model_input(latents, timestep), timestep)
        latents = scheduler.step(predicted, timestep, latents, **extra).prev_sample
    return latents
