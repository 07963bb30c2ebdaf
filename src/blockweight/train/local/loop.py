"""The training of a LoRA on pictures: whose latents and captions are seen at which step."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.optimization import get_scheduler
from numpy.typing import NDArray
from torch import Tensor

from blockweight.errors import BlockweightError
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.train.captions import shuffled
from blockweight.train.local.adapters import attach, file_tensors
from blockweight.train.local.loss import noise_loss
from blockweight.train.local.optimizers import make_optimizer
from blockweight.train.local.stepping import Learner, Stepper
from blockweight.train.local.trainee import Trainee
from blockweight.train.loop_settings import LoopSettings, Precision
from blockweight.train.network import Adapter
from blockweight.train.order import Batch, epoch_steps, seed_of


@dataclass(frozen=True)
class Seen:
    """A picture as the loop sees it: latents (4, h, w) fp32, its caption, and how often it is seen in an epoch."""

    latents: Tensor
    caption: str
    repeats: int


class Run:
    """A training, from its state file on where there is one, of `steps` steps; an epoch has `epoch_length`.

    BlockweightError for a state file that cannot be read, an optimizer that is not installed or cannot take these
    rates, and a clip skip that the text encoder has not. Whether the file is of the same training is not looked at.
    """

    def __init__(
        self,
        trainee: Trainee,
        adapters: Sequence[Adapter],
        pictures: Sequence[Seen],
        settings: LoopSettings,
        state: Path,
        *,
        steps: int | None = None,
        epochs: int = 1,
    ) -> None:
        settings.check_rates(adapters)
        self._trainee, self._pictures, self._settings = trainee, pictures, settings
        self._encoder = trainee.encoder(settings.clip_skip)
        self._attached = attach(trainee, adapters, settings.seed)
        self._order: tuple[int, tuple[tuple[Batch, ...], ...]] = (-1, ())
        if settings.checkpointing:
            _recalculate(trainee)
        self.epoch_length = len(self._epoch(0))
        self.steps = epochs * self.epoch_length if steps is None else steps
        optimizer = make_optimizer(settings.optimizer, self._attached)
        rates = get_scheduler(
            settings.scheduler,
            optimizer,
            num_warmup_steps=settings.warmup,
            num_training_steps=self.steps,
            num_cycles=settings.cycles,
        )
        self._scaler = torch.amp.GradScaler(trainee.device.type, enabled=settings.precision == "fp16")
        sides = ((each.adapter.lora_name, (("down", each.down), ("up", each.up))) for each in self._attached)
        matrices = {f"{name}.{side}": matrix for name, pair in sides for side, matrix in pair}
        self._learner = Learner(matrices, optimizer, rates, self._loss, self._scaler)
        self._stepper = Stepper(self._learner, state)

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self._stepper.step

    @property
    def losses(self) -> Sequence[float]:
        """The losses of the steps so far."""
        return self._stepper.losses

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(each.down.numel() + each.up.numel() for each in self._attached)

    def tensors(self, precision: Precision) -> Mapping[str, NDArray[np.generic]]:
        """The LoRA as it is now, under kohya's keys."""
        return file_tensors(self._attached, precision)

    def trial(self) -> float:
        """How many seconds a step takes. Nothing is changed by it."""
        for _ in range(2):  # the first also prepares
            started = time.perf_counter()
            self._loss(self.step)
            self._learner.forget()
        return time.perf_counter() - started

    def train(
        self,
        stepped: Callable[[float], None],
        epoch_done: Callable[[int], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Go on to the last step; False if it was `stopped` before. `stepped` gets each step's loss, `epoch_done` the
        number of epochs, after each. The state is written, and BlockweightError raised, as in `Stepper.train`."""

        def told(loss: float) -> None:
            stepped(loss)
            if self.step % self.epoch_length == 0:
                epoch_done(self.step // self.epoch_length)

        return self._stepper.train(self.steps, told, stopped)

    def _epoch(self, epoch: int) -> tuple[tuple[Batch, ...], ...]:
        if self._order[0] != epoch:
            buckets = [tuple(seen.latents.shape) for seen in self._pictures]
            repeats = [seen.repeats for seen in self._pictures]
            settings = self._settings
            steps = epoch_steps(buckets, repeats, settings.batch, settings.accumulate, settings.seed, epoch)
            self._order = (epoch, steps)
        return self._order[1]

    def _loss(self, step: int) -> float:
        """The step's loss, with its gradients left in the matrices. BlockweightError if there is no memory for it."""
        try:
            return self._gradients(step)
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            raise BlockweightError(
                f"A step does not fit into the memory of {self._trainee.device}; give a smaller --batch (and "
                "--accumulate more), a lower --resolution, or --gradient-checkpointing."
            ) from error

    def _gradients(self, step: int) -> float:
        epoch, number = divmod(step, self.epoch_length)
        batches = self._epoch(epoch)[number]
        seed = seed_of("step", self._settings.seed, step)
        generator, words = torch.Generator().manual_seed(seed), random.Random(seed)
        total = 0.0
        for batch in batches:
            latents = torch.stack([self._pictures[picture].latents for picture in batch])
            captions = [self._caption(self._pictures[picture].caption, words) for picture in batch]
            loss = noise_loss(self._trainee, self._encoder, latents, captions, self._settings, generator) / len(batches)
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _caption(self, caption: str, words: random.Random) -> str:
        return shuffled(caption, self._settings.keep_tokens, words) if self._settings.shuffle else caption


def _recalculate(trainee: Trainee) -> None:
    """Keep less of the forward pass and calculate it again on the way back. Nothing here drops out or counts batches,
    so that `train` changes nothing else."""
    trainee.unet.train()
    trainee.unet.enable_gradient_checkpointing()
    trainee.text_encoder.train()
    trainee.text_encoder.gradient_checkpointing_enable({"use_reentrant": False})
