"""The WebUI's samplers, made over the model's own β schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import diffusers

from blockweight.errors import BlockweightError
from blockweight.render.samplers import SAMPLERS

_OF_THE_MODEL = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)


def check_sampler(name: str) -> None:
    """Raise BlockweightError if there is no sampler of this name."""
    if name not in SAMPLERS:
        raise BlockweightError(f"There is no sampler '{name}'; use one of: {', '.join(SAMPLERS)}.")


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for the sampler `name`, over the β schedule of the model's scheduler `config`.

    Only what the model was trained with is taken from there: a model saved with, say, Karras sigmas must not turn
    every sampler into its Karras form.
    """
    sampler = SAMPLERS[name]
    trained = {key: config[key] for key in _OF_THE_MODEL if key in config}
    return getattr(diffusers, sampler.scheduler).from_config({**trained, **sampler.settings})
