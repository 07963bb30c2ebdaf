"""Brownian motion that is the same whatever is asked of it and in what order, for the SDE samplers.

A Brownian bridge is halved again and again until the time that is asked for is reached; every half has a seed of its
own, made from the seed of all and its place in the tree (Li et al. 2020, "Scalable gradients for stochastic
differential equations", section 4: the virtual Brownian tree). Seeds and rounding are those of torchsde's
`BrownianTree`, which k-diffusion uses, so that the numbers are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

_DIGITS = 6
"""Times are rounded to a millionth, where the halving ends."""

_POOL = 24
"""Words of entropy that seeds are mixed in."""

_KEPT = 4
"""Times whose values are kept: a step ends where the next begins."""


class BrownianPath:
    """One picture's Brownian motion W between two times, W(start) = 0. `draw` gives the normal numbers of a seed."""

    def __init__(self, start: float, end: float, seed: int, draw: Callable[[int], Tensor]) -> None:
        self._start, self._end = round(start, _DIGITS), round(end, _DIGITS)
        self._seed, self._draw = seed, draw
        whole = np.random.SeedSequence(entropy=seed, pool_size=_POOL).generate_state(3)[0]
        self._whole = draw(int(whole)) * math.sqrt(end - start)
        self._kept: dict[float, Tensor] = {self._start: torch.zeros_like(self._whole), self._end: self._whole}

    def at(self, time: float) -> Tensor:
        """W(time); a time outside is that of the nearer end."""
        wanted = min(max(round(time, _DIGITS), self._start), self._end)
        if wanted not in self._kept:
            if len(self._kept) > _KEPT:
                self._kept.pop(next(key for key in self._kept if key not in (self._start, self._end)))
            self._kept[wanted] = self._descend(wanted)
        return self._kept[wanted]

    def _descend(self, wanted: float) -> Tensor:
        start, end, grown = self._start, self._end, self._whole
        before, place, depth = torch.zeros_like(grown), 0, 0
        while True:
            middle = round((start + end) / 2, _DIGITS)
            mixed = np.random.SeedSequence(entropy=self._seed, spawn_key=(place, depth), pool_size=_POOL)
            share, spread = (middle - start) / (end - start), (middle - start) * (end - middle) / (end - start)
            left = grown * share + math.sqrt(spread) * self._draw(int(mixed.generate_state(4)[0]))
            if wanted == middle:
                return before + left
            depth += 1
            if wanted < middle:
                end, grown, place = middle, left, 2 * place
            else:
                start, before, grown, place = middle, before + left, grown - left, 2 * place + 1


class BrownianNoise:
    """Noise between the levels of a schedule for a batch: W's increment from one σ to the next over √|Δσ|, (N, C, h,
    w), each number of variance 1."""

    def __init__(
        self, sigmas: Sequence[float], seeds: Sequence[int], draw: Callable[[int], Tensor], device: torch.device
    ) -> None:
        above = [sigma for sigma in sigmas if sigma > 0]
        self._paths = [BrownianPath(min(above), max(above), seed, draw) for seed in seeds]
        self._device = device

    def between(self, sigma: float, following: float) -> Tensor:
        """The noise of a step."""
        grown = torch.stack([path.at(following) - path.at(sigma) for path in self._paths])
        return grown.to(self._device) / math.sqrt(abs(following - sigma))
