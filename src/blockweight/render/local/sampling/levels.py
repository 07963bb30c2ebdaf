"""The noise levels that a model was trained with: σ of a step, and the step of a σ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import diffusers
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_ALPHA = 4.8973451890853435e-08
"""ᾱ of the last step of a model with zero terminal SNR, so that its σ is finite. Source: `modules/sd_models.py` in
AUTOMATIC1111/stable-diffusion-webui 1.10."""

NOISE_SETTINGS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""What of a scheduler's settings says with which noise a model was trained."""

SD1_ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
SDXL_ALIGNED = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029)
"""σ of the schedule type Align Your Steps for ten steps, of Stable Diffusion 1.5 and of SDXL; the WebUI takes the first
for all others. Source: Sabour et al. 2024, Align Your Steps (research.nvidia.com/labs/toronto-ai/AlignYourSteps/
howto.html)."""

_LCM_STRIDE = 20
"""Latent consistency models are distilled on 50 of 1000 steps (Luo et al. 2023)."""


@dataclass(frozen=True)
class Levels:
    """σ of steps, rising. Steps are numbered as the model counts them: `first`, `first + stride`, …

    σ = √((1 − ᾱ)/ᾱ) (Karras et al. 2022, the column VP). Between two steps log σ is interpolated linearly; with
    `nearest`, a σ has the step of the nearest level instead. `aligned` are the levels of Align Your Steps.
    """

    sigmas: Floats
    first: int = 0
    stride: int = 1
    nearest: bool = False
    aligned: tuple[float, ...] = SD1_ALIGNED

    @property
    def lowest(self) -> float:
        """The smallest σ."""
        return float(self.sigmas[0])

    @property
    def highest(self) -> float:
        """The largest σ."""
        return float(self.sigmas[-1])

    @cached_property
    def alphas(self) -> Floats:
        """ᾱ of every step, falling."""
        alphas: Floats = 1 / (self.sigmas**2 + 1)
        return alphas

    @cached_property
    def _logs(self) -> Floats:
        logs: Floats = np.log(self.sigmas)
        return logs

    def step_of(self, sigma: float) -> float:
        """The model's step for a noise level, not a whole number as a rule."""
        if self.nearest:
            index = float(np.abs(self._logs - np.log(sigma)).argmin())
        else:
            index = float(np.interp(np.log(sigma), self._logs, np.arange(len(self.sigmas))))
        return self.first + self.stride * index

    def sigma_of(self, step: float) -> float:
        """The noise level of a step; beyond the ends, that of the end."""
        index = (step - self.first) / self.stride
        return float(np.exp(np.interp(index, np.arange(len(self.sigmas)), self._logs)))

    def consistency(self) -> Levels:
        """The levels that a latent consistency model knows, every 20th of these."""
        chosen = self.sigmas[_LCM_STRIDE - 1 :: _LCM_STRIDE]
        return Levels(chosen, _LCM_STRIDE - 1, _LCM_STRIDE, nearest=True, aligned=self.aligned)


def trained_levels(config: Mapping[str, Any], aligned: tuple[float, ...] = SD1_ALIGNED) -> Levels:
    """The levels of a model, from the configuration of its scheduler in diffusers' form. ᾱ is rounded to fp32, as
    checkpoints keep it."""
    alphas = np.maximum(_alphas(config).astype(np.float32), np.float32(_LEAST_ALPHA))
    # In fp32, where 1 − ᾱ has few digits at the lowest levels: k-diffusion has no more.
    return Levels(np.sqrt((1 - alphas) / alphas).astype(np.float64), aligned=aligned)


def _alphas(config: Mapping[str, Any]) -> Floats:
    trained = {key: config[key] for key in NOISE_SETTINGS if config.get(key) is not None}
    kind, number = trained.get("beta_schedule"), int(trained.get("num_train_timesteps", 1000))
    plain = "trained_betas" not in trained and not trained.get("rescale_betas_zero_snr")
    if plain and kind == "scaled_linear":
        roots = np.linspace(trained["beta_start"] ** 0.5, trained["beta_end"] ** 0.5, number)
        alphas: Floats = np.cumprod(1 - roots**2)
    else:
        alphas = diffusers.DDPMScheduler.from_config(trained).alphas_cumprod.double().numpy()
    return alphas
