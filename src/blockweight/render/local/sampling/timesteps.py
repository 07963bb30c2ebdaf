"""Samplers that walk through the model's timesteps, over its noise prediction ε(x, t) for latents of variance 1.

As the WebUI has them, they end at timestep 1 instead of without noise, and DDIM and PLMS take a step less than was
asked for. Source: `modules/sd_samplers_timesteps_impl.py` in AUTOMATIC1111/stable-diffusion-webui 1.10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from blockweight.render.local.sampling.levels import Floats

_ADAMS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Adams–Bashforth's coefficients by order, of the latest slope first."""


@dataclass(frozen=True)
class TimestepWalk:
    """The way down `timesteps`, which rise. `alphas` are ᾱ of every timestep of the model, falling; `predict(x, t)` is
    ε; `fresh` gives noise; `eta` scales the noise that DDIM adds."""

    predict: Callable[[Tensor, float], Tensor]
    timesteps: list[int]
    alphas: Floats
    fresh: Callable[[], Tensor]
    eta: float = 0.0

    @property
    def steps(self) -> list[tuple[int, int]]:
        """Each timestep with the one that follows, downwards."""
        falling = self.timesteps[::-1]
        return list(pairwise(falling))


def ddim(walk: TimestepWalk, x: Tensor) -> Tensor:
    """Song et al. 2021a, equation 12."""
    for step, following in walk.steps:
        here, there = float(walk.alphas[step]), float(walk.alphas[following])
        added = walk.eta * math.sqrt((1 - there) / (1 - here) * (1 - here / there))
        x = _moved(x, walk.predict(x, step), here, there, added)
        x = x + added * walk.fresh() if added else x
    return x


def plms(walk: TimestepWalk, x: Tensor) -> Tensor:
    """Pseudo linear multistep (Liu et al. 2022, PNDM), its first step by the improved Euler method."""
    slopes: list[Tensor] = []
    for step, following in walk.steps:
        here, there = float(walk.alphas[step]), float(walk.alphas[following])
        slopes = [walk.predict(x, step), *slopes][:4]
        if len(slopes) == 1:
            slope = (slopes[0] + walk.predict(_moved(x, slopes[0], here, there), following)) / 2
        else:
            shares = _ADAMS[len(slopes) - 1]
            slope = sum((share * one for share, one in zip(shares[1:], slopes[1:], strict=True)), shares[0] * slopes[0])
        x = _moved(x, slope, here, there)
    return x


def _moved(x: Tensor, slope: Tensor, here: float, there: float, added: float = 0.0) -> Tensor:
    """x at another ᾱ, by the noise that was predicted, less what will be `added` anew."""
    seen = (x - math.sqrt(1 - here) * slope) / math.sqrt(here)
    return math.sqrt(there) * seen + math.sqrt(1 - there - added**2) * slope
