"""The passes of a picture: from noise, and from latents that are drawn over."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from blockweight.plan import SAMPLERS
from blockweight.render.local.sampling import ode, sde
from blockweight.render.local.sampling.brownian import BrownianNoise
from blockweight.render.local.sampling.model import Model
from blockweight.render.local.sampling.noise import Noise, generator
from blockweight.render.local.sampling.schedules import sigmas_of, timesteps_of
from blockweight.render.local.sampling.timesteps import TimestepWalk, ddim, plms
from blockweight.render.local.sampling.unipc import unipc
from blockweight.render.local.sampling.walk import Walk

MOST_DENOISING = 0.999
"""What a denoising strength of 1 counts as, in the WebUI."""

_WALKS: dict[str, Callable[[Walk, Tensor], Tensor]] = {
    "DPM++ 2M": ode.dpmpp_2m,
    "DPM++ SDE": sde.dpmpp_sde,
    "DPM++ 2M SDE": sde.dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": partial(sde.dpmpp_2m_sde, heun=True),
    "DPM++ 2S a": sde.dpmpp_2s_ancestral,
    "DPM++ 3M SDE": sde.dpmpp_3m_sde,
    "Euler a": sde.euler_ancestral,
    "Euler": ode.euler,
    "LMS": ode.lms,
    "Heun": ode.heun,
    "DPM2": ode.dpm_2,
    "DPM2 a": sde.dpm_2_ancestral,
    "Restart": sde.restart,
    "LCM": sde.lcm,
}
_SKIP_NEXT_TO_LAST = ("DPM2", "DPM2 a", "DPM++ 3M SDE")
"""Those for which the WebUI leaves out the schedule's last level above 0."""


@dataclass(frozen=True)
class Plan:
    """How a pass goes: a sampler and a schedule by `plan.read_sampler`'s names, the number of steps, and eta (None for
    the WebUI's default: 1, for DDIM 0)."""

    sampler: str
    schedule: str
    steps: int
    eta: float | None = None


def from_noise(plan: Plan, model: Model, noise: Noise) -> Tensor:
    """Latents of finished pictures, (N, C, h, w), fp32."""
    if SAMPLERS[plan.sampler].automatic is None:
        return _by_timesteps(plan, model, noise, noise.first(), timesteps_of(plan.steps), begun=False)
    sigmas = _sigmas(plan, model, plan.steps)
    return _by_levels(plan, model, noise, noise.first() * sigmas[0], sigmas, sigmas)


def from_latents(plan: Plan, model: Model, noise: Noise, latents: Tensor, denoising: float) -> Tensor:
    """The same, drawn over `latents`: a schedule so long that its last `plan.steps` steps are the share `denoising` of
    it, begun where these do. With a denoising of 0 nothing is changed.

    Source: `sample_img2img` of `modules/sd_samplers_kdiffusion.py` and `_timesteps.py` in
    AUTOMATIC1111/stable-diffusion-webui 1.10.
    """
    if not denoising:
        return latents
    return _over(plan, model, noise, latents, whole_steps(plan.steps, denoising), plan.steps)


def from_picture(plan: Plan, model: Model, noise: Noise, latents: Tensor, denoising: float) -> Tensor:
    """The same, drawn over `latents` in the share `denoising` of `plan.steps` steps, as img2img does unless it is told
    to take exactly the steps that were asked for (`img2img_fix_steps`): see `steps_over`. Source: as above, with
    `setup_img2img_steps` of `modules/sd_samplers_common.py`."""
    return _over(plan, model, noise, latents, plan.steps, steps_over(plan.steps, denoising))


def _over(plan: Plan, model: Model, noise: Noise, latents: Tensor, whole: int, taken: int) -> Tensor:
    """The last `taken` steps of a schedule of `whole` ones, from latents with the noise of their beginning."""
    if SAMPLERS[plan.sampler].automatic is None:
        timesteps = timesteps_of(whole)
        alpha = float(model.levels.alphas[timesteps[taken - 1]])
        begun = math.sqrt(alpha) * latents + math.sqrt(1 - alpha) * noise.first()
        # The WebUI noises the latents to one timestep and begins at the one below.
        return _by_timesteps(plan, model, noise, begun, timesteps[: taken - 1], begun=True)
    sigmas = _sigmas(plan, model, whole)
    left = sigmas[whole - taken :]
    return _by_levels(plan, model, noise, latents + left[0] * noise.first(), left, sigmas)


def whole_steps(steps: int, denoising: float) -> int:
    """The length of the schedule of which `steps` are the share `denoising`."""
    return int(steps / min(denoising, MOST_DENOISING))


def steps_over(steps: int, denoising: float) -> int:
    """How many of `steps` steps img2img takes: the share `denoising` of them, and one."""
    return int(min(denoising, MOST_DENOISING) * steps) + 1


def _sigmas(plan: Plan, model: Model, steps: int) -> list[float]:
    levels = model.levels.consistency() if plan.sampler == "LCM" else model.levels
    return sigmas_of(plan.schedule, steps, levels, skip_next_to_last=plan.sampler in _SKIP_NEXT_TO_LAST)


def _by_levels(plan: Plan, model: Model, noise: Noise, x: Tensor, sigmas: list[float], whole: list[float]) -> Tensor:
    shape = x.shape[1:]

    def draw(seed: int) -> Tensor:
        return generator(noise.source, seed, noise.device)(shape)

    motion = BrownianNoise(whole, [one.seed for one in noise.seeds], draw, noise.device)
    denoise = model.denoise_consistently if plan.sampler == "LCM" else model.denoise
    walk = Walk(denoise, sigmas, noise.next, motion.between, 1.0 if plan.eta is None else plan.eta)
    return _WALKS[plan.sampler](walk, x)


def _by_timesteps(plan: Plan, model: Model, noise: Noise, x: Tensor, timesteps: list[int], *, begun: bool) -> Tensor:
    walk = TimestepWalk(model.noise_in, timesteps, model.levels.alphas, noise.next, plan.eta or 0.0)
    if plan.sampler == "UniPC":
        return unipc(walk, x, from_noise=not begun)
    return plms(walk, x) if plan.sampler == "PLMS" else ddim(walk, x)
