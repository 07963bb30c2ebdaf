"""DDIM, PLMS and UniPC on a model whose answer is linear in the latents (see test_solvers)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from blockweight.render.local.sampling import trained_levels
from blockweight.render.local.sampling.timesteps import TimestepWalk, ddim, plms
from blockweight.render.local.sampling.unipc import unipc

SPREAD = 0.7
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
ALPHAS = trained_levels(BETAS).alphas


def ideal(x: Tensor, step: float) -> Tensor:
    """ε for data of variance SPREAD²: √(1 − ᾱ)/(ᾱ·SPREAD² + 1 − ᾱ)·x, with log ᾱ linear between steps."""
    alpha = math.exp(np.interp(step, np.arange(1000), np.log(ALPHAS)))
    return math.sqrt(1 - alpha) / (alpha * SPREAD**2 + 1 - alpha) * x


def error(sampler, stride: int) -> float:
    """Relative, from timestep 801 to 1."""
    timesteps = list(range(1, 802, stride))
    walk = TimestepWalk(ideal, timesteps, ALPHAS, lambda: torch.zeros(()))
    start = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    if sampler is unipc:
        found, last = unipc(walk, start, from_noise=False), 0
    else:
        found, last = sampler(walk, start), 1
    ends = [float(ALPHAS[step]) * SPREAD**2 + 1 - float(ALPHAS[step]) for step in (801, last)]
    return abs(float(found) / math.sqrt(ends[1] / ends[0]) - 1)


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 0.95), (plms, 1.6), (unipc, 1.25)])
def test_a_quarter_of_the_stride_divides_the_error_by_four_to_the_order(sampler, order):
    """Evenly spaced timesteps end in a long step of log σ, which holds the higher orders back."""
    assert error(sampler, 5) < error(sampler, 20) / 4**order


def test_the_way_is_nearer_to_the_exact_one_with_higher_orders():
    assert error(ddim, 40) > 5 * error(plms, 40)
    assert error(ddim, 40) > 2.5 * error(unipc, 40)


def test_ddim_with_an_eta_of_1_adds_the_noise_that_ddpm_does():
    """Its deviation is √β̃ of Ho et al. 2020 for these two timesteps."""
    here, there = float(ALPHAS[501]), float(ALPHAS[1])
    found = []
    for noise in (0.0, 1.0):
        walk = TimestepWalk(ideal, [1, 501], ALPHAS, lambda noise=noise: torch.tensor(noise), 1.0)
        found.append(float(ddim(walk, torch.ones(()))))
    assert found[1] - found[0] == pytest.approx(math.sqrt((1 - there) / (1 - here) * (1 - here / there)), rel=1e-5)
