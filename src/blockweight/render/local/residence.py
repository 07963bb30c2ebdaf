"""Where the parts of a model stay."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import nn

from blockweight.render.local.memory import free_bytes

SHARE = 0.6
"""Of a graphics card's free memory that a model may fill; the rest is for pictures and LoRAs."""


def settle(pipeline: Any, parts: Collection[str], texts: Collection[str], device: torch.device) -> None:
    """Move the parts of a pipeline to `device`, ready to draw. Where a graphics card would be too full then, the text
    encoders `texts` stay with the CPU, in fp32: they read each prompt once, and nothing of them is needed later."""
    weights = sum(p.numel() * p.element_size() for name in parts for p in getattr(pipeline, name).parameters())
    free = free_bytes(device)
    away = texts if free is not None and weights > SHARE * free else ()
    for name in parts:
        part: nn.Module = getattr(pipeline, name)
        part.eval().requires_grad_(requires_grad=False)
        # Not part.to(): diffusers warns of every change of a number format.
        nn.Module.to(part, torch.device("cpu"), torch.float32) if name in away else part.to(device)
