"""Optimizers by name; those beyond torch's own are loaded only when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from blockweight.errors import BlockweightError
from blockweight.train.local.adapters import Attached
from blockweight.train.loop_settings import Optimizer
from blockweight.train.network import by_rate

WEIGHT_DECAY = 0.01
"""sd-scripts' default."""


def make_optimizer(name: Optimizer, attached: Sequence[Attached]) -> Any:
    """The optimizer of these matrices, in one group for each learning rate. BlockweightError if its package is not
    installed."""
    matrices = {each.adapter: (each.down, each.up) for each in attached}
    groups = [
        {"params": [matrix for adapter in adapters for matrix in matrices[adapter]], "lr": rate}
        for rate, adapters in by_rate(tuple(matrices)).items()
    ]
    if name == "adamw":
        return torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    try:
        if name == "prodigy":
            from prodigyopt import Prodigy  # noqa: PLC0415 - an extra

            return Prodigy(groups, weight_decay=WEIGHT_DECAY)
        from bitsandbytes.optim import AdamW8bit  # noqa: PLC0415 - an extra

        return AdamW8bit(groups, weight_decay=WEIGHT_DECAY)
    except (ImportError, OSError) as error:
        raise BlockweightError(
            f"--optimizer {name} needs a package that is not installed ({error}); install it with: "
            f'pip install "blockweight[{name}]", or take --optimizer adamw.'
        ) from error
