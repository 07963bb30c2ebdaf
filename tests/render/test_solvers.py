"""Samplers on a model whose answer is linear in the latents, where the exact way down is known.

For data that are one Gaussian of variance s² around 0, the ideal denoiser is D(x, σ) = s²/(s² + σ²)·x, and dx/dσ =
(x − D)/σ leads from x at σ to x·√((s² + σ′²)/(s² + σ²)) at σ′ (Karras et al. 2022, appendix).
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from blockweight.render.local.sampling import ode, sde
from blockweight.render.local.sampling.walk import Walk, split_noise, towards

SPREAD = 0.7
HIGH, LOW = 14.6, 0.5


def ideal(x: Tensor, sigma: float) -> Tensor:
    return SPREAD**2 / (SPREAD**2 + sigma**2) * x


def exact(x: Tensor, sigma: float, following: float) -> Tensor:
    return x * math.sqrt((SPREAD**2 + following**2) / (SPREAD**2 + sigma**2))


def silent(*_: float) -> Tensor:
    return torch.zeros(())


def walk(steps: int, low: float = LOW, eta: float = 0.0, denoise=ideal) -> Walk:
    """Levels evenly spaced in log σ."""
    sigmas = [HIGH * (low / HIGH) ** (number / steps) for number in range(steps + 1)]
    return Walk(denoise, sigmas, silent, silent, eta)


def error(sampler, steps: int) -> float:
    start = torch.full((1, 1, 1, 1), HIGH, dtype=torch.float64)
    found = sampler(walk(steps), start)
    return abs(float(found / exact(start, HIGH, LOW)) - 1)


ORDERS = {
    ode.euler: 1,
    ode.heun: 2,
    ode.dpm_2: 2,
    ode.dpmpp_2m: 2,
    ode.lms: 3,
    sde.euler_ancestral: 1,
    sde.dpm_2_ancestral: 2,
    sde.dpmpp_2s_ancestral: 2,
    sde.dpmpp_sde: 2,
    sde.dpmpp_2m_sde: 2,
    sde.dpmpp_3m_sde: 3,
}
"""By the theory, without noise. LMS loses one, having to begin with lower ones."""


@pytest.mark.parametrize("sampler", ORDERS, ids=lambda sampler: sampler.__name__)
def test_twice_the_steps_divide_the_error_by_two_to_the_samplers_order(sampler):
    coarse, fine = error(sampler, 20), error(sampler, 40)
    assert math.log2(coarse / fine) > ORDERS[sampler] - 0.25
    assert fine < 0.1 ** ORDERS[sampler]


@pytest.mark.parametrize("sampler", ORDERS, ids=lambda sampler: sampler.__name__)
def test_a_model_that_sees_one_picture_ends_at_it(sampler):
    picture = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    way = Walk(lambda x, sigma: picture, [9.0, 4.0, 2.0, 1.0, 0.2, 0.0], silent, silent, 0.0)
    assert float(sampler(way, picture + 9.0)) == pytest.approx(0.3, abs=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_an_ancestral_step_ends_with_the_noise_of_the_following_level(eta):
    down, added = split_noise(3.0, 2.0, eta)
    assert math.hypot(down, added) == pytest.approx(2.0)
    assert (added > 0) == (eta > 0)
    assert split_noise(3.0, 0.0, eta) == (0.0, 0.0)


def test_a_step_towards_what_the_model_sees_shrinks_the_noise_alone():
    seen, noise = torch.tensor(0.4), torch.tensor(-1.5)
    assert float(towards(seen + 3 * noise, seen, 3.0, 2.0)) == pytest.approx(float(seen + 2 * noise))


NOISY = {
    sde.euler_ancestral: 0.02,
    sde.dpm_2_ancestral: 0.01,
    sde.dpmpp_2s_ancestral: 0.01,
    sde.dpmpp_sde: 0.01,
    sde.dpmpp_2m_sde: 0.01,
    sde.dpmpp_3m_sde: 0.01,
}


@pytest.mark.parametrize("sampler", NOISY, ids=lambda sampler: sampler.__name__)
def test_with_noise_the_pictures_have_the_variance_of_the_data_and_the_level(sampler):
    """On a linear model every sampler is linear in its noises, so that the variance can be followed exactly: the
    latents carry a number for each independent noise, its share in them."""
    steps, drawn = 60, 0

    def next_share(*_: float) -> Tensor:
        nonlocal drawn
        drawn += 1
        share = torch.zeros(1 + 3 * steps, dtype=torch.float64)
        share[drawn] = 1.0
        return share

    halves = {}

    def between(sigma: float, following: float) -> Tensor:
        # The increment of a whole step holds that of its first half, which DPM++ SDE asks for before.
        if sigma in halves:
            middle, first = halves.pop(sigma)
            rest = next_share()
            return (math.sqrt(sigma - middle) * first + math.sqrt(middle - following) * rest) / math.sqrt(
                sigma - following
            )
        found = next_share()
        if sampler is sde.dpmpp_sde:
            halves[sigma] = (following, found)
        return found

    start = torch.zeros(1 + 3 * steps, dtype=torch.float64)
    start[0] = math.sqrt(SPREAD**2 + HIGH**2)
    levels = walk(steps, eta=1.0)
    found = sampler(Walk(ideal, levels.sigmas, next_share, between, 1.0), start)
    assert float(found.norm()) == pytest.approx(math.sqrt(SPREAD**2 + LOW**2), rel=NOISY[sampler] * 3)


def test_lcm_adds_the_noise_of_the_following_level_to_what_the_model_sees():
    way = Walk(lambda x, sigma: x / 2, [8.0, 2.0, 0.0], lambda: torch.tensor(1.0), silent)
    assert float(sde.lcm(way, torch.tensor(8.0))) == (8.0 / 2 + 2.0) / 2


def test_restarts_repeat_the_steps_from_2_down_to_a_tenth():
    sigmas = [14.6 * (0.03 / 14.6) ** (number / 39) for number in range(40)] + [0.0]
    steps = sde.restart_steps(sigmas)
    back = [number for number, (sigma, _) in enumerate(steps) if number and sigma > steps[number - 1][1]]
    assert len(back) == 2
    assert {round(steps[number][0], 1) for number in back} == {
        round(min((s for s, _ in steps[:20]), key=lambda s: abs(s - 2)), 1)
    }
    assert len(steps) == 40
    assert sde.restart_steps(sigmas[:15]) == list(pairwise(sigmas[:15]))
