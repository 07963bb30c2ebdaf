"""The training of a whole model: all its parameters learn, and what comes out is their moving average."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn

from blockweight.train.local.stepping import Learner, Stepper

TOLD_STEPS = 50
"""The loss that is told is the mean of so many steps."""


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
) -> nn.Module:
    """Minimise `loss_of(step)` over the module's parameters with AdamW and return the averaged module.

    The state is written to `folder` about once a minute and at the end; a later call goes on from there. `report` gets
    the step and the mean loss of the last ones.
    """
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=peak, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True
    )
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, steps, 1.0, warmup))
    average = Average(module, ema)

    def gradients(step: int) -> float:
        loss = loss_of(step)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    tensors: dict[str, Tensor] = {}
    for name, each in (("module", module), ("average", average.module)):
        tensors |= {f"{name}.{key}": parameter for key, parameter in each.named_parameters()}
    learner = Learner(tensors, optimizer, rates, gradients, torch.amp.GradScaler("cpu", enabled=False))
    stepper = Stepper(learner, folder / f"{stage}.pt")

    def stepped(_loss: float) -> None:
        average.update(module, stepper.step - 1)
        report(stepper.step, fmean(stepper.losses[-TOLD_STEPS:]))

    stepper.train(steps, stepped)
    return average.module
