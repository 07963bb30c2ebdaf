"""Trainings of a few steps on the renderer suite's tiny models."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler

from blockweight.blocks import layout_by_name
from blockweight.train import Training
from blockweight.train.local import Run, Seen, Trainee
from blockweight.train.loop_settings import LoopSettings
from blockweight.train.network import Network
from blockweight.weights import uniform

NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False}


def trainee(pipeline: Any, family: str = "sd1", prediction: str = "epsilon") -> Trainee:
    """A copy of the pipeline's parts, to be trained."""
    own = [copy.deepcopy(part).requires_grad_(requires_grad=False) for part in (pipeline.unet, pipeline.text_encoder)]
    schedule = DDPMScheduler(**NOISE, prediction_type=prediction)
    return Trainee(family, *own, pipeline.tokenizer, pipeline.vae, schedule, "fp32", torch.device("cpu"))


def pictures(count: int = 3) -> list[Seen]:
    """Random latents of two sizes, with captions."""
    drawn = torch.Generator().manual_seed(0)
    sizes = [(8, 8), (8, 16)]
    return [
        Seen(torch.randn(4, *sizes[number % 2], generator=drawn), f"1girl, red dress, blue sky, {number}", 1 + number)
        for number in range(count)
    ]


def network(
    family: str = "sd1",
    *,
    conv: int | None = None,
    te: float = 1e-3,
    unet: float = 2e-3,
    others: float = 0,
    **blocks: float,
) -> Network:
    """Of few blocks, for speed; `others` is the weight of the rest."""
    few = dict.fromkeys(("BASE", "IN04", "IN05", "M00", "OUT03"), 1.0)
    weights = uniform("few", layout_by_name(f"{family}-26"), others).with_weights(few | blocks)
    return Network(Training(weights, unet, te, 2, 1.0, conv, 0.5))


def run(model: Trainee, state: Path, net: Network | None = None, *, steps: int = 4, **settings: Any) -> Run:
    seen = pictures()
    adapters = model.adapters(net or network())
    return Run(model, adapters, seen, LoopSettings(**{"batch": 2, **settings}), state, steps=steps)


def go(training: Run) -> Run:
    """To the end, silently."""
    assert training.train(lambda _loss: None, lambda _epoch: None)
    return training
