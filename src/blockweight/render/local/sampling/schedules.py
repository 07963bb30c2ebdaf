"""Schedule types: which noise levels a number of steps passes through."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from blockweight.render.local.sampling.levels import Floats, Levels

_RHO = 7.0
"""Of Karras et al. 2022, equation 5."""

_BETA = 0.6
"""Both parameters of the Beta distribution, by the WebUI's default."""


def sigmas_of(schedule: str, steps: int, levels: Levels, *, skip_next_to_last: bool = False) -> list[float]:
    """The noise levels of a schedule type in the order in which they are passed, the last of them 0 (`KL Optimal`
    alone ends at the lowest level). As a rule `steps` + 1; `DDIM` may give one or more besides.

    `skip_next_to_last` makes a schedule of one step more and leaves its last level above 0 out.
    """
    found = _SCHEDULES[schedule](steps + skip_next_to_last, levels)
    if schedule != "KL Optimal":
        found = [*found, 0.0]
    return [*found[:-2], found[-1]] if skip_next_to_last else list(found)


def _ramp(count: int) -> Floats:
    """From 0 to 1; 0 alone if `count` is 1."""
    return np.linspace(0, 1, count)


def _uniform(steps: int, levels: Levels) -> list[float]:
    first, last = levels.step_of(levels.highest), levels.step_of(levels.lowest)
    return [levels.sigma_of(step) for step in np.linspace(first, last, steps)]


def _sgm_uniform(steps: int, levels: Levels) -> list[float]:
    return _uniform(steps + 1, levels)[:-1]


def _karras(steps: int, levels: Levels) -> list[float]:
    high, low = levels.highest ** (1 / _RHO), levels.lowest ** (1 / _RHO)
    return [float(root) ** _RHO for root in high + _ramp(steps) * (low - high)]


def _exponential(steps: int, levels: Levels) -> list[float]:
    high, low = math.log(levels.highest), math.log(levels.lowest)
    return [math.exp(log) for log in high + _ramp(steps) * (low - high)]


def _kl_optimal(steps: int, levels: Levels) -> list[float]:
    # Sabour et al. 2024, section 3: optimal where the data are one Gaussian.
    high, low = math.atan(levels.highest), math.atan(levels.lowest)
    return [math.tan(angle) for angle in high + _ramp(steps + 1) * (low - high)]


def _aligned(steps: int, levels: Levels) -> list[float]:
    logs = np.interp(_ramp(steps)[::-1], _ramp(len(levels.aligned)), np.log(levels.aligned[::-1]))
    return [float(sigma) for sigma in np.exp(logs)]


def _simple(steps: int, levels: Levels) -> list[float]:
    stride = len(levels.sigmas) / steps if steps else 0
    return [float(levels.sigmas[-1 - int(number * stride)]) for number in range(steps)]


def _ddim(steps: int, levels: Levels) -> list[float]:
    return [float(sigma) for sigma in levels.sigmas[1 :: max(len(levels.sigmas) // max(steps, 1), 1)][::-1]]


def _beta(steps: int, levels: Levels) -> list[float]:
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # noqa: PLC0415 - only here is scipy needed

    # Lee et al. 2024, "Beta Sampling is All You Need"; the WebUI spreads σ itself, not the step, by the quantiles.
    shares = betaincinv(_BETA, _BETA, 1 - _ramp(steps))
    return [levels.lowest + float(share) * (levels.highest - levels.lowest) for share in shares]


def _turbo(steps: int, levels: Levels) -> list[float]:
    places = [round(number * 1000 / steps - 1) for number in range(steps, 0, -1)]
    return [levels.sigma_of(min(max(place, 0), 999)) for place in places]


_SCHEDULES: dict[str, Callable[[int, Levels], list[float]]] = {
    "Uniform": _uniform,
    "Karras": _karras,
    "Exponential": _exponential,
    "Polyexponential": _exponential,
    "SGM Uniform": _sgm_uniform,
    "KL Optimal": _kl_optimal,
    "Align Your Steps": _aligned,
    "Simple": _simple,
    "Normal": _uniform,
    "DDIM": _ddim,
    "Beta": _beta,
    "Turbo": _turbo,
}
"""By `plan.SCHEDULES`. Polyexponential is Exponential at ρ = 1, the WebUI's default; Normal is Uniform for all levels
of a model."""


def timesteps_of(steps: int) -> list[int]:
    """The timesteps of DDIM, PLMS and UniPC in the WebUI, rising: every (1000 // steps)-th from 1 on, so more than
    `steps` if that does not divide 1000."""
    return [min(step + 1, 999) for step in range(0, 1000, 1000 // steps)]
