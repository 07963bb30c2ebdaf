"""UniPC (Zhao et al. 2023) of the third order with B₁(h) = h, predicting the picture, over times evenly spaced: the
WebUI's defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from blockweight.render.local.sampling.timesteps import TimestepWalk

ORDER = 3
"""The fewest steps, too."""


@dataclass(frozen=True)
class _Time:
    """A time between two timesteps: the model's `step`, and α and σ of x = α·picture + σ·noise."""

    step: float
    alpha: float
    sigma: float

    @property
    def log_snr(self) -> float:
        """λ = log(α/σ)."""
        return math.log(self.alpha / self.sigma)


def unipc(walk: TimestepWalk, x: Tensor, *, from_noise: bool = True) -> Tensor:
    """As many steps as there are timesteps, from the model's last one, or (`from_noise` false) from the last of the
    walk's, down to the model's first."""
    last = len(walk.alphas) - 1 if from_noise else walk.timesteps[-1]
    times = [_time(walk, step) for step in np.linspace(last, 0, len(walk.timesteps) + 1)]
    seen = [_seen(walk, x, times[0])]
    for number in range(1, len(times)):
        final = number == len(times) - 1
        order = min(number, ORDER, len(times) - number)
        passed = times[number - 1 :: -1][:order]
        x, found = _step(walk, x, passed, times[number], seen[:order], correct=not final)
        seen = [found, *seen][:ORDER] if found is not None else seen
    return x


def _step(
    walk: TimestepWalk, x: Tensor, passed: list[_Time], time: _Time, seen: list[Tensor], *, correct: bool
) -> tuple[Tensor, Tensor | None]:
    """The latents at `time`, and what the model sees there: predicted from what it saw at the times passed (the latest
    first), then corrected by it."""
    latest = passed[0]
    length = time.log_snr - latest.log_snr
    base = time.sigma / latest.sigma * x - time.alpha * math.expm1(-length) * seen[0]
    ratios = [(one.log_snr - latest.log_snr) / length for one in passed[1:]]
    rises = [(one - seen[0]) / ratio for one, ratio in zip(seen[1:], ratios, strict=True)]
    scale = time.alpha * length
    guess = base
    if rises:
        # With two points the paper takes ½ instead of the solution.
        shares = [0.5] if len(rises) == 1 else _shares(ratios, length)
        guess = base + scale * sum((share * rise for share, rise in zip(shares, rises, strict=True)), 0 * x)
    if not correct:
        return guess, None
    there = _seen(walk, guess, time)
    shares = _shares([*ratios, 1.0], length) if rises else [0.5]
    rises = [*rises, there - seen[0]]
    return base + scale * sum((share * rise for share, rise in zip(shares, rises, strict=True)), 0 * x), there


def _shares(ratios: list[float], length: float) -> list[float]:
    """The solution of the paper's equation R·ρ = b (theorem 3.1) for these ratios of steps, with h = −`length`."""
    h = -length
    phi, wanted = math.expm1(h) / h - 1, []
    for order in range(1, len(ratios) + 1):
        wanted.append(phi * math.factorial(order) / h)
        phi = phi / h - 1 / math.factorial(order + 1)
    powers = np.vander(ratios, increasing=True).T
    return [float(share) for share in np.linalg.solve(powers, wanted)]


def _time(walk: TimestepWalk, step: float) -> _Time:
    """Between two timesteps log α is interpolated linearly, as in DPM-Solver (Lu et al. 2022a)."""
    log = 0.5 * float(np.interp(step, np.arange(len(walk.alphas)), np.log(walk.alphas)))
    return _Time(step, math.exp(log), math.sqrt(-math.expm1(2 * log)))


def _seen(walk: TimestepWalk, x: Tensor, time: _Time) -> Tensor:
    return (x - time.sigma * walk.predict(x, time.step)) / time.alpha
