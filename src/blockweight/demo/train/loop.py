"""A training loop that a kill cannot hurt: every step's randomness comes from its number alone, and a checkpoint
holds all the rest, so a resumed run takes the same steps as one that was never stopped."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

CHECKPOINT_SECONDS = 60.0


def step_generator(stage: str, step: int) -> torch.Generator:
    """A CPU generator that depends only on the stage's name and the step's number."""
    seed = int.from_bytes(stage.encode()[:6].ljust(6, b"\0"), "little")
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (2**63))


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Linear warm-up to `peak`, then a cosine down to one hundredth of it."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


class Average:
    """An exponential moving average of a module's parameters, with the usual short memory at the start."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards `module`'s parameters."""
        decay = min(self.decay, (1 + step) / (10 + step))
        targets: list[Tensor] = list(self.module.parameters())
        sources: list[Tensor] = [parameter.detach() for parameter in module.parameters()]
        torch._foreach_lerp_(targets, sources, 1 - decay)


@dataclass(frozen=True)
class Paced:
    """Parameters that learn at `rate` times the others' learning rate."""

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0


def train(
    stage: str,
    module: nn.Module,
    loss_of: Callable[[int], Tensor],
    folder: Path,
    *,
    steps: int,
    peak: float,
    warmup: int,
    weight_decay: float,
    ema: float,
    report: Callable[[int, float], None],
    parameters: Iterable[Paced] = (),
) -> nn.Module:
    """Minimise `loss_of(step)` over `parameters` (none: the module's) with AdamW and return the averaged module.

    A checkpoint is written to `folder` about once a minute and at the end; a later call goes on from there.
    `report` gets the step and the smoothed loss.
    """
    paces = tuple(parameters) or (Paced(tuple(module.parameters())),)
    chosen = [parameter for pace in paces for parameter in pace.parameters]
    groups = [{"params": pace.parameters} for pace in paces]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True)
    average = Average(module, ema)
    path = folder / f"{stage}.pt"
    step, smooth = 0, float("nan")
    if path.exists():
        saved = torch.load(path, weights_only=True)
        module.load_state_dict(saved["module"])
        average.module.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, smooth = saved["step"], saved["loss"]
        report(step, smooth)

    def save() -> None:
        state: dict[str, Any] = {"module": module.state_dict(), "average": average.module.state_dict()}
        state |= {"optimizer": optimizer.state_dict(), "step": step, "loss": smooth}
        torch.save(state, path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)

    saved_at = time.monotonic()
    while step < steps:
        for group, pace in zip(optimizer.param_groups, paces, strict=True):
            group["lr"] = pace.rate * learning_rate(step, steps, peak, warmup)
        loss = loss_of(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(chosen, 1.0)
        optimizer.step()
        average.update(module, step)
        step += 1
        value = float(loss.detach())
        smooth = value if math.isnan(smooth) else smooth + 0.02 * (value - smooth)
        report(step, smooth)
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS or step == steps:
            save()
            saved_at = time.monotonic()
    return average.module
