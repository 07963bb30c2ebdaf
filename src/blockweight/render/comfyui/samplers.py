"""The WebUI's samplers and schedule types by ComfyUI's names, as far as the two calculate alike."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SAMPLERS, Scene

SAMPLER_NAMES = {
    "DPM++ 2M": "dpmpp_2m",
    "DPM++ SDE": "dpmpp_sde",
    "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 2M SDE Heun": "dpmpp_2m_sde_heun",
    "DPM++ 2S a": "dpmpp_2s_ancestral",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
    "Euler a": "euler_ancestral",
    "Euler": "euler",
    "LMS": "lms",
    "Heun": "heun",
    "DPM2": "dpm_2",
    "DPM2 a": "dpm_2_ancestral",
    "LCM": "lcm",
}
"""k-diffusion's samplers, which both programs have. Not Restart, which ComfyUI lacks, nor DDIM, PLMS and UniPC, which
walk through timesteps of their own in the WebUI. Source: `comfy/samplers.py` of ComfyUI 0.3.64."""

SCHEDULE_NAMES = {
    "Uniform": "normal",
    "Normal": "normal",
    "Karras": "karras",
    "Exponential": "exponential",
    "Polyexponential": "exponential",
    "SGM Uniform": "sgm_uniform",
    "Simple": "simple",
    "DDIM": "ddim_uniform",
}
"""Those whose levels are the same numbers; Polyexponential is with the WebUI's ρ of 1. KL Optimal, Beta, Align Your
Steps and Turbo space their levels otherwise there. Source: as above, and the WebUI's `modules/sd_schedulers.py`."""

USUAL_ETA = 1.0


@dataclass(frozen=True)
class Sampling:
    """`sampler` and `scheduler` by ComfyUI's names; `consistent` for a model that must be told that it is sampled as a
    latent consistency model."""

    sampler: str
    scheduler: str
    consistent: bool = False


def sampling_of(scene: Scene) -> Sampling:
    """The scene's sampler and schedule type by ComfyUI's names. BlockweightError for those that it has not, or not
    alike."""
    sampler = SAMPLER_NAMES.get(scene.sampler)
    if sampler is None:
        raise BlockweightError(
            f"ComfyUI has no sampler that calculates like {quoted(scene.sampler)}; choose one of: "
            f"{', '.join(SAMPLER_NAMES)}."
        )
    scheduler = SCHEDULE_NAMES.get(scene.scheduler)
    if scheduler is None:
        name = quoted(scene.scheduler) if scene.scheduler else "a scene that names none"
        raise BlockweightError(
            f"ComfyUI has no schedule type with the noise levels of {name}; choose one of: {', '.join(SCHEDULE_NAMES)}."
        )
    if SAMPLERS[scene.sampler].takes_eta and scene.eta not in (None, USUAL_ETA):
        raise BlockweightError(
            f"ComfyUI's KSampler takes no eta but {USUAL_ETA:g}, not {scene.eta:g}; leave it out, or use a workflow of "
            "your own."
        )
    return Sampling(sampler, scheduler, scene.sampler == "LCM")
