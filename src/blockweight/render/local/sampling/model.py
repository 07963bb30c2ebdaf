"""What the samplers make of a model: D(x, σ) and ε(x, t), from what it predicts for latents and a timestep."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from blockweight.render.local.sampling.levels import Levels

Predict = Callable[[Tensor, float], Tensor]
"""What the model gives, guided, for latents (N, C, h, w) of variance 1 and a timestep, which need not be whole."""

_LCM_DATA = 0.5
"""σ of the data in the boundary condition of consistency models (Luo et al. 2023)."""


@dataclass(frozen=True)
class Model:
    """A model with the noise levels it was trained with. `kind` is what it predicts, by diffusers' words: `epsilon`,
    the noise; `v_prediction` (Salimans & Ho 2022); `sample`, the picture. At zero or one (`steps` = 1000) levels."""

    predict: Predict
    levels: Levels
    kind: str = "epsilon"

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """D(x, σ) for latents x with noise of level σ (Karras et al. 2022, table 1, the column VP)."""
        return self._denoised(x, sigma, self.levels.step_of(sigma))

    def denoise_consistently(self, x: Tensor, sigma: float) -> Tensor:
        """The same of a latent consistency model, which knows every 20th level; the boundary condition as the WebUI
        applies it, with timesteps times ten."""
        step = self.levels.consistency().step_of(sigma)
        kept = _LCM_DATA**2 / ((10 * step) ** 2 + _LCM_DATA**2)
        return math.sqrt(1 - kept) * self._denoised(x, sigma, step) + kept * x

    def noise_in(self, x: Tensor, step: float) -> Tensor:
        """ε(x, t) for latents of variance 1."""
        found = self.predict(x, step)
        if self.kind == "epsilon":
            return found
        alpha = float(self.levels.alphas[int(step)])
        if self.kind == "v_prediction":
            return math.sqrt(alpha) * found + math.sqrt(1 - alpha) * x
        return (x - math.sqrt(alpha) * found) / math.sqrt(1 - alpha)

    def _denoised(self, x: Tensor, sigma: float, step: float) -> Tensor:
        power = sigma**2 + 1
        found = self.predict(x / math.sqrt(power), step)
        if self.kind == "epsilon":
            return x - sigma * found
        return x / power - sigma / math.sqrt(power) * found if self.kind == "v_prediction" else found
