"""Samplers that add no noise: solvers of the probability flow dx/dσ = (x − D(x, σ))/σ."""

from __future__ import annotations

import math

from numpy.polynomial.polynomial import Polynomial, polyfromroots
from torch import Tensor

from blockweight.render.local.sampling.walk import Walk, towards

_LMS_ORDER = 4


def euler(walk: Walk, x: Tensor) -> Tensor:
    """Karras et al. 2022, algorithm 1 without its correction."""
    for sigma, following in walk.steps:
        x = towards(x, walk.denoise(x, sigma), sigma, following)
    return x


def heun(walk: Walk, x: Tensor) -> Tensor:
    """Karras et al. 2022, algorithm 1."""
    for sigma, following in walk.steps:
        x = heun_step(walk, x, sigma, following)
    return x


def heun_step(walk: Walk, x: Tensor, sigma: float, following: float) -> Tensor:
    """One step with the mean of the slopes at both of its ends; Euler's where it ends at 0."""
    seen = walk.denoise(x, sigma)
    guess = towards(x, seen, sigma, following)
    if not following:
        return guess
    slope = (x - seen) / sigma
    slope_there = (guess - walk.denoise(guess, following)) / following
    return x + (following - sigma) * (slope + slope_there) / 2


def dpm_2(walk: Walk, x: Tensor) -> Tensor:
    """DPM-Solver-2 (Lu et al. 2022a) as k-diffusion has it: the midpoint rule, with the middle in log σ."""
    for sigma, following in walk.steps:
        x = midpoint_step(walk, x, walk.denoise(x, sigma), sigma, following)
    return x


def midpoint_step(walk: Walk, x: Tensor, seen: Tensor, sigma: float, following: float) -> Tensor:
    """One step by the slope in its middle, given what the model saw at its beginning; Euler's where it ends at 0."""
    if not following:
        return towards(x, seen, sigma, following)
    middle = math.sqrt(sigma * following)
    guess = towards(x, seen, sigma, middle)
    slope = (guess - walk.denoise(guess, middle)) / middle
    return x + (following - sigma) * slope


def lms(walk: Walk, x: Tensor) -> Tensor:
    """Linear multistep of up to the fourth order: the slopes of the last steps are joined by a polynomial in σ, which
    is integrated (Adams–Bashforth for uneven steps)."""
    slopes: list[Tensor] = []
    for number, (sigma, following) in enumerate(walk.steps):
        slopes = [(x - walk.denoise(x, sigma)) / sigma, *slopes][:_LMS_ORDER]
        passed = [walk.sigmas[number - back] for back in range(len(slopes))]
        for share, slope in zip(_shares(passed, following), slopes, strict=True):
            x = x + share * slope
    return x


def _shares(passed: list[float], following: float) -> list[float]:
    """∫ of each Lagrange polynomial over the levels passed, from the latest of them to the following one."""
    found = []
    for one in passed:
        others = [other for other in passed if other != one]
        whole = Polynomial(polyfromroots(others)).integ()
        area = whole(following) - whole(passed[0])
        found.append(float(area / math.prod(one - other for other in others)))
    return found


def dpmpp_2m(walk: Walk, x: Tensor) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2), its last step, to 0, of the first order."""
    before, last = None, 0.0
    for sigma, following in walk.steps:
        seen = walk.denoise(x, sigma)
        length = math.log(sigma / following) if following else math.inf
        ahead = seen
        if before is not None and following:
            ahead = seen + (seen - before) * length / (2 * last)
        x = towards(x, ahead, sigma, following)
        before, last = seen, length
    return x
