"""The table of numbers that the WebUI's own parts gave, and the function that stood in a model's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from blockweight.render.local.sampling import Levels, Model, trained_levels

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "webui_samplers.json").read_text(encoding="utf-8")
)
SHAPE = (2, 3, 4)
CPU = torch.device("cpu")

SD1_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def predict(x: Tensor, step: float) -> Tensor:
    channel = torch.arange(x.shape[1], dtype=torch.float32).reshape(1, -1, 1, 1)
    return 0.9 * torch.tanh(1.2 * x + torch.sin(0.004 * torch.tensor(float(step)) + channel)) + 0.1 * x.roll(1, -1)


def levels() -> Levels:
    return trained_levels(SD1_BETAS)


def model() -> Model:
    return Model(predict, levels())


def drawn_over(count: int) -> Tensor:
    """The latents that the table's second passes began with."""
    return torch.randn((count, *SHAPE), generator=torch.Generator().manual_seed(5))


def wanted(case: dict[str, Any]) -> Tensor:
    return torch.tensor(np.array(case["latents"], np.float32)).reshape(-1, *SHAPE)
