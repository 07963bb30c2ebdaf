"""A batch of pictures from noise to latents: the first pass and, where a scene asks for it, the second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from blockweight.plan import LATENT_UPSCALERS, Hires, Scene, hires_size
from blockweight.render.local.decoding import decoded, levels_of
from blockweight.render.local.earlier import draw_earlier, make_scheduler
from blockweight.render.local.sampling import (
    Model,
    Noise,
    Plan,
    Seed,
    cropped,
    encoded,
    enlarged_latents,
    enlarged_picture,
    from_latents,
    from_noise,
    trained_levels,
)

Predict = Callable[[Tensor, Tensor | float], Tensor]
"""The model's guided prediction, fp32, for latents (N, C, h, w) of variance 1 and a timestep. Called once for each time
that the model is asked, in their order."""

Ask = Callable[[int], Predict]
"""The model for one pass, which asks it about so often: what prompts change on the way is reckoned by that."""

_TWICE = ("DPM++ SDE", "DPM++ 2S a", "Heun", "DPM2", "DPM2 a", "Restart")
"""The samplers that ask the model twice a step, as the WebUI reckons it (`second_order` in its
`modules/sd_samplers_kdiffusion.py`)."""


def draw(scenes: Sequence[Scene], pipeline: Any, ask: Ask, device: torch.device) -> Tensor:
    """Latents of the finished pictures, (N, C, h, w), fp32. The scenes differ at most in their prompts and seeds."""
    scene, config = scenes[0], pipeline.scheduler.config
    factor = pipeline.vae_scale_factor
    shape = (pipeline.unet.config.in_channels, scene.height // factor, scene.width // factor)
    if not scene.scheduler:
        scheduler = make_scheduler(scene.sampler, config)
        scheduler.set_timesteps(scene.steps, device=device)
        return draw_earlier(scheduler, ask(len(scheduler.timesteps)), [one.seed for one in scenes], shape)
    levels, kind = trained_levels(config), config.get("prediction_type", "epsilon")
    twice = 2 if scene.sampler in _TWICE else 1
    model = Model(ask(scene.steps * twice), levels, kind)
    plan = Plan(scene.sampler, scene.scheduler, scene.steps, scene.eta)
    latents = from_noise(plan, model, _noise(scenes, shape, device))
    if scene.hires is None:
        return latents
    enlarged = _enlarged(scenes, scene.hires, pipeline, latents, device)
    again = Plan(scene.sampler, scene.scheduler, scene.hires.steps or scene.steps, scene.eta)
    noise = _noise(scenes, enlarged.shape[1:], device)
    model = Model(ask(again.steps * twice), levels, kind)
    return from_latents(again, model, noise, enlarged, scene.hires.denoising)


def asks_of(scene: Scene) -> int:
    """How often the model is asked for a picture of this scene, by both passes; a few samplers leave out a time or
    two."""
    twice = 2 if scene.sampler in _TWICE else 1
    again = 0 if scene.hires is None else scene.hires.steps or scene.steps
    return (scene.steps + again) * twice


def _noise(scenes: Sequence[Scene], shape: Sequence[int], device: torch.device) -> Noise:
    seeds = [Seed(scene.seed, scene.variation_seed, scene.variation_strength) for scene in scenes]
    return Noise(seeds, shape, scenes[0].noise_source, device)


def _enlarged(scenes: Sequence[Scene], hires: Hires, pipeline: Any, latents: Tensor, device: torch.device) -> Tensor:
    """What the second pass draws over."""
    vae, factor, scene = pipeline.vae, pipeline.vae_scale_factor, scenes[0]
    size = hires_size(scene.width, scene.height, hires, factor)
    if hires.upscaler in LATENT_UPSCALERS:
        return cropped(enlarged_latents(latents, hires.upscaler, size, factor), size)
    small = [Image.fromarray(levels) for levels in levels_of(decoded(vae, latents), cut=True)]
    pictures = [enlarged_picture(picture, hires.upscaler, size.width, size.height) for picture in small]
    return cropped(encoded(vae, pictures, [one.seed for one in scenes], scene.noise_source, device), size)
