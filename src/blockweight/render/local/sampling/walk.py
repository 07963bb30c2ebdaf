"""What every sampler over noise levels is given, and the steps that they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
"""D(x, σ): the picture that the model sees in latents x with noise of level σ; x and D(x, σ) are (N, C, h, w)."""


@dataclass(frozen=True)
class Walk:
    """The way through `sigmas`, falling, from latents x with noise of the first level.

    `fresh` gives noise of variance 1 in the order of the calls, `between(σ, σ′)` the increment of a Brownian motion
    from one level to another; `eta` scales the noise that is added, 0 for none.
    """

    denoise: Denoise
    sigmas: list[float]
    fresh: Callable[[], Tensor]
    between: Callable[[float, float], Tensor]
    eta: float = 1.0

    @property
    def steps(self) -> list[tuple[float, float]]:
        """Each level with the one that follows."""
        return list(pairwise(self.sigmas))


def towards(x: Tensor, seen: Tensor, sigma: float, following: float) -> Tensor:
    """The latents at another noise level if the model went on to see the same: the exact solution of
    dx/dσ = (x − D)/σ for a constant D, which is Euler's step as well (Karras et al. 2022, algorithm 1) and first-order
    DPM-Solver++ (Lu et al. 2022b)."""
    return seen + (following / sigma) * (x - seen)


def split_noise(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """A step of ancestral sampling: the level to go down to without noise, and the deviation of the noise that then
    makes it `following` (Song et al. 2021b, the variance of DDPM's posterior times η²)."""
    if not eta:
        return following, 0.0
    added = min(following, eta * math.sqrt(following**2 * (sigma**2 - following**2) / sigma**2))
    return math.sqrt(following**2 - added**2), added
