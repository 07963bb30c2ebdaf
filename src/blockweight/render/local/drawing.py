"""A batch of pictures from noise, or from pictures, to latents: the first pass and, where a scene asks for it, the
second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from blockweight.plan import LATENT_UPSCALERS, Hires, HiresSize, Scene, hires_size
from blockweight.render.fitting import fitted, read_part
from blockweight.render.local.architectures import SDXL, architecture_of
from blockweight.render.local.decoding import decoded, levels_of
from blockweight.render.local.earlier import draw_earlier, make_scheduler
from blockweight.render.local.sampling import (
    SD1_ALIGNED,
    SDXL_ALIGNED,
    Levels,
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
    from_picture,
    steps_over,
    trained_levels,
)

Predict = Callable[[Tensor, Tensor | float], Tensor]
"""The model's guided prediction, fp32, for latents (N, C, h, w) of variance 1 and a timestep. Called once for each time
that the model is asked, in their order."""


@dataclass(frozen=True)
class Pass:
    """One way from noise to latents: how often the model would be asked in all the steps that a scene names, by which
    the changes of prompts are reckoned; how often it is asked, about; the width and height in pixels of what is drawn,
    before anything is cropped; and `asks` of the pass that it goes on from, 0 for none."""

    asks: int
    taken: int
    size: tuple[int, int]
    over: int = 0


Ask = Callable[[Pass], Predict]
"""The model for one pass."""

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
        asks = len(scheduler.timesteps)
        predict = ask(Pass(asks, asks, (scene.width, scene.height)))
        return draw_earlier(scheduler, predict, [one.seed for one in scenes], shape)
    levels = trained_of(pipeline)
    kind = config.get("prediction_type", "epsilon")
    twice = 2 if scene.sampler in _TWICE else 1
    plan = Plan(scene.sampler, scene.scheduler, scene.steps, scene.eta)
    first = Pass(scene.steps * twice, _first_steps(scene) * twice, (scene.width, scene.height))
    model = Model(ask(first), levels, kind)
    noise = _noise(scenes, shape, device)
    if scene.start is not None:
        return from_picture(plan, model, noise, _begun(scenes, pipeline, device), scene.start.denoising)
    latents = from_noise(plan, model, noise)
    if scene.hires is None:
        return latents
    size = hires_size(scene.width, scene.height, scene.hires, factor)
    enlarged = _enlarged(scenes, scene.hires, size, pipeline, latents, device)
    again = Plan(scene.sampler, scene.scheduler, scene.hires.steps or scene.steps, scene.eta)
    noise = _noise(scenes, enlarged.shape[1:], device)
    asks = again.steps * twice
    model = Model(ask(Pass(asks, asks, (size.width, size.height), first.asks)), levels, kind)
    return from_latents(again, model, noise, enlarged, scene.hires.denoising)


def trained_of(pipeline: Any) -> Levels:
    """The noise levels that a model was trained with."""
    return trained_levels(pipeline.scheduler.config, SDXL_ALIGNED if architecture_of(pipeline) is SDXL else SD1_ALIGNED)


def asks_of(scene: Scene) -> int:
    """How often the model is asked for a picture of this scene, by both passes; a few samplers leave out a time or
    two."""
    twice = 2 if scene.sampler in _TWICE else 1
    again = 0 if scene.hires is None else scene.hires.steps or scene.steps
    return (_first_steps(scene) + again) * twice


def step_before(scene: Scene, asked: int) -> int:
    """The number of the step before that in which the model is asked, counted from 0, and 0 in the first, when it was
    `asked` so often before on this pass: what the WebUI tells its extensions (`state.sampling_step`)."""
    if scene.sampler not in _TWICE:
        return max(0, asked - 1)
    # The second time in a step, the WebUI has counted that already.
    return asked // 2 if asked % 2 else max(0, asked // 2 - 1)


def share_over(scene: Scene, asked: int, taken: int) -> float:
    """Which share of a pass is over when the model, which is asked `taken` times, was `asked` so often before, as the
    WebUI's extensions reckon it."""
    return step_before(scene, asked) / (taken // 2 if scene.sampler in _TWICE else taken)


def _first_steps(scene: Scene) -> int:
    """Of the first pass."""
    return scene.steps if scene.start is None else steps_over(scene.steps, scene.start.denoising)


def _noise(scenes: Sequence[Scene], shape: Sequence[int], device: torch.device) -> Noise:
    seeds = [Seed(scene.seed, scene.variation_seed, scene.variation_strength) for scene in scenes]
    return Noise(seeds, shape, scenes[0].noise_source, device)


def _begun(scenes: Sequence[Scene], pipeline: Any, device: torch.device) -> Tensor:
    """The latents of the pictures that are drawn over, each of them encoded once a seed."""
    made: dict[tuple[str, str, int], Tensor] = {}
    latents = []
    for scene in scenes:
        assert scene.start is not None
        key = (scene.start.picture.digest, scene.start.resize, scene.seed)
        if key not in made:
            picture = fitted(read_part(scene.start.picture), scene.start.resize, scene.width, scene.height)
            made[key] = encoded(pipeline.vae, [picture], [scene.seed], scene.noise_source, device)[0]
        latents.append(made[key])
    return torch.stack(latents)


def _enlarged(
    scenes: Sequence[Scene], hires: Hires, size: HiresSize, pipeline: Any, latents: Tensor, device: torch.device
) -> Tensor:
    """What the second pass draws over."""
    vae, factor, scene = pipeline.vae, pipeline.vae_scale_factor, scenes[0]
    if hires.upscaler in LATENT_UPSCALERS:
        return cropped(enlarged_latents(latents, hires.upscaler, size, factor), size)
    small = [Image.fromarray(levels) for levels in levels_of(decoded(vae, latents), cut=True)]
    pictures = [enlarged_picture(picture, hires.upscaler, size.width, size.height) for picture in small]
    return cropped(encoded(vae, pictures, [one.seed for one in scenes], scene.noise_source, device), size)
