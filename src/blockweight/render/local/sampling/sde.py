"""Samplers that add noise on their way: ancestral ones, solvers of the reverse SDE, restarts and LCM."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from torch import Tensor

from blockweight.render.local.sampling.levels import Levels
from blockweight.render.local.sampling.ode import heun_step, midpoint_step
from blockweight.render.local.sampling.schedules import sigmas_of
from blockweight.render.local.sampling.walk import Walk, split_noise, towards


def euler_ancestral(walk: Walk, x: Tensor) -> Tensor:
    """Euler's step down to the lower level, then noise."""
    for sigma, following in walk.steps:
        down, added = split_noise(sigma, following, walk.eta)
        x = towards(x, walk.denoise(x, sigma), sigma, down)
        x = x + added * walk.fresh() if following else x
    return x


def dpm_2_ancestral(walk: Walk, x: Tensor) -> Tensor:
    """DPM2's step down to the lower level, then noise."""
    for sigma, following in walk.steps:
        down, added = split_noise(sigma, following, walk.eta)
        x = midpoint_step(walk, x, walk.denoise(x, sigma), sigma, down)
        x = x + added * walk.fresh() if down else x
    return x


def dpmpp_2s_ancestral(walk: Walk, x: Tensor) -> Tensor:
    """DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1, r = ½) down to the lower level, then noise."""
    for sigma, following in walk.steps:
        down, added = split_noise(sigma, following, walk.eta)
        seen = walk.denoise(x, sigma)
        if down:
            middle = math.sqrt(sigma * down)
            seen = walk.denoise(towards(x, seen, sigma, middle), middle)
        x = towards(x, seen, sigma, down)
        x = x + added * walk.fresh() if following else x
    return x


def dpmpp_sde(walk: Walk, x: Tensor) -> Tensor:
    """The stochastic form of DPM-Solver++(2S) in k-diffusion: both the middle (r = ½) and the end of a step are reached
    from its beginning by an ancestral step, with the noise of a Brownian motion."""
    for sigma, following in walk.steps:
        seen = walk.denoise(x, sigma)
        if not following:
            return towards(x, seen, sigma, following)
        middle = math.sqrt(sigma * following)
        down, added = split_noise(sigma, middle, walk.eta)
        halfway = towards(x, seen, sigma, down) + added * walk.between(sigma, middle)
        down, added = split_noise(sigma, following, walk.eta)
        x = towards(x, walk.denoise(halfway, middle), sigma, down) + added * walk.between(sigma, following)
    return x


def dpmpp_2m_sde(walk: Walk, x: Tensor, *, heun: bool = False) -> Tensor:
    """SDE-DPM-Solver++(2M) (Lu et al. 2022b, section 6) with η, its second-order term by the midpoint or as Heun's."""
    before, last = None, 0.0
    for sigma, following in walk.steps:
        seen = walk.denoise(x, sigma)
        if not following:
            return seen
        length = math.log(sigma / following)
        moved = _sde_step(walk, x, seen, sigma, following)
        if before is not None:
            long = length * (1 + walk.eta)
            gone = -math.expm1(-long)
            share = 1 - gone / long if heun else gone / 2
            moved = moved + share * (length / last) * (seen - before)
        x = moved + _sde_noise(walk, sigma, following)
        before, last = seen, length
    return x


def dpmpp_3m_sde(walk: Walk, x: Tensor) -> Tensor:
    """k-diffusion's third-order form of it: what the last three steps saw, joined by a polynomial in log σ."""
    seens: list[Tensor] = []
    lengths: list[float] = []
    for sigma, following in walk.steps:
        seens = [walk.denoise(x, sigma), *seens][:3]
        if not following:
            return seens[0]
        length = math.log(sigma / following)
        moved = _sde_step(walk, x, seens[0], sigma, following)
        long = length * (1 + walk.eta)
        second = math.expm1(-long) / long + 1
        if len(seens) > 1:
            near = lengths[0] / length
            rise = (seens[0] - seens[1]) / near
            if len(seens) > 2:
                far = lengths[1] / length
                bend = (rise - (seens[1] - seens[2]) / far) / (near + far)
                rise = rise + bend * near
                moved = moved - (second / long - 0.5) * bend
            moved = moved + second * rise
        x = moved + _sde_noise(walk, sigma, following)
        lengths = [length, *lengths][:2]
    return x


def _sde_step(walk: Walk, x: Tensor, seen: Tensor, sigma: float, following: float) -> Tensor:
    """The exact mean of the reverse SDE's solution if the model went on to see the same."""
    kept = math.pow(following / sigma, 1 + walk.eta)
    return kept * x + (1 - kept) * seen


def _sde_noise(walk: Walk, sigma: float, following: float) -> Tensor | float:
    """The noise of that solution."""
    if not walk.eta:
        return 0.0
    spread = following * math.sqrt(-math.expm1(-2 * walk.eta * math.log(sigma / following)))
    return spread * walk.between(sigma, following)


def lcm(walk: Walk, x: Tensor) -> Tensor:
    """Multistep consistency sampling (Luo et al. 2023, algorithm 3): what the model sees, with noise of the next
    level."""
    for sigma, following in walk.steps:
        x = walk.denoise(x, sigma)
        x = x + following * walk.fresh() if following else x
    return x


def restart(walk: Walk, x: Tensor) -> Tensor:
    """Restart sampling (Xu et al. 2023) with Heun's steps: noise is added again at a low level, and the steps from a
    higher one down to there repeated."""
    level = walk.sigmas[0]
    for sigma, following in restart_steps(walk.sigmas):
        if sigma > level:
            x = x + math.sqrt(sigma**2 - level**2) * walk.fresh()
        x = heun_step(walk, x, sigma, following)
        level = following
    return x


def restart_steps(sigmas: list[float]) -> list[tuple[float, float]]:
    """The steps with their repetitions, by the WebUI's rule: from 20 steps on, one repetition of 9 between the levels
    nearest to 2 and to 0.1; from 36 on, two, of a quarter each. What remains are Karras's levels."""
    count = len(sigmas) - 1
    again, times = (count // 4, 2) if count >= 36 else (9, 1)
    if count < 20:
        return list(pairwise(sigmas))
    levels = _karras_between(sigmas[0], sigmas[-2], count - again * times)
    low, high = (min(range(len(levels)), key=lambda place: abs(levels[place] - wanted)) for wanted in (0.1, 2.0))
    found = []
    for place, step in enumerate(pairwise(levels)):
        found.append(step)
        if place + 1 == low and high < low:
            repeated = _karras_between(levels[high], levels[low], again + 1)[:-1]
            found += list(pairwise(repeated)) * times
    return found


def _karras_between(high: float, low: float, steps: int) -> list[float]:
    return sigmas_of("Karras", steps, Levels(np.array([low, high])))
