"""Running the tiny model's parts with live block weights on them, in float64: there they have to be right to the digits
of the factors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import torch

from blockweight.lora import open_lora
from blockweight.plan import Variant
from blockweight.render.local import LiveLora

EXACT = 1e-6


def attach(path, parts, *variants, strength=1.0) -> LiveLora:
    live = LiveLora(open_lora(Path(path)), parts)
    live.set_samples([Variant("v", w) for w in variants], strength)
    return live


def inputs(count: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(9)
    return {
        "sample": torch.randn(count, 4, 8, 8, generator=random, dtype=torch.float64),
        "tokens": torch.randint(0, 500, (count, 77), generator=random),
    }


def run(parts, sample, tokens) -> torch.Tensor:
    """Through the text encoder and then the UNet: a difference in any of their layers comes out."""
    context = parts["text_encoder"](tokens).last_hidden_state
    return parts["unet"](sample, torch.tensor(300), encoder_hidden_states=context).sample


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).detach().norm() / wanted.detach().norm())


def hooks(parts) -> Counter[str]:
    return Counter(
        f"{name}.{path}"
        for name, part in parts.items()
        for path, layer in part.named_modules()
        for _ in (*layer._forward_hooks, *layer._forward_pre_hooks)
    )
