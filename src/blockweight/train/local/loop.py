"""The loop of training. A kill costs time and nothing else: every step's randomness comes from the seed and the step's
number, and a state file holds all the rest, so a run that goes on takes the steps of one that was never stopped."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from diffusers.optimization import get_scheduler
from numpy.typing import NDArray
from torch import Tensor, nn

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.train.captions import shuffled
from blockweight.train.local.adapters import attach, file_tensors
from blockweight.train.local.loss import noise_loss
from blockweight.train.local.optimizers import make_optimizer
from blockweight.train.local.trainee import Trainee
from blockweight.train.loop_settings import LoopSettings, Precision
from blockweight.train.network import Adapter
from blockweight.train.order import Batch, epoch_steps, seed_of

STATE_SECONDS = 60.0
"""How often the state is written, and so the most that a kill costs."""

MOST_GRADIENT = 1.0
"""What the gradient's norm is cut to, as sd-scripts does."""


@dataclass(frozen=True)
class Seen:
    """A picture as the loop sees it: latents (4, h, w) fp32, its caption, and how often it is seen in an epoch."""

    latents: Tensor
    caption: str
    repeats: int


class Run:
    """A training, from its state file on where there is one. `step` of `steps` are done; `losses` are those of the
    steps so far; an epoch has `epoch_length` steps.

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
        self._trainee, self._pictures, self._settings, self._path = trainee, pictures, settings, state
        self._encoder = trainee.encoder(settings.clip_skip)
        self._attached = attach(trainee, adapters, settings.seed)
        self._order: tuple[int, tuple[tuple[Batch, ...], ...]] = (-1, ())
        if settings.checkpointing:
            _recalculate(trainee)
        self.epoch_length = len(self._epoch(0))
        self.steps = epochs * self.epoch_length if steps is None else steps
        self.step, self.losses = 0, list[float]()
        self._optimizer = make_optimizer(settings.optimizer, self._attached)
        self._rates = get_scheduler(
            settings.scheduler,
            self._optimizer,
            num_warmup_steps=settings.warmup,
            num_training_steps=self.steps,
            num_cycles=settings.cycles,
        )
        self._scaler = torch.amp.GradScaler(trainee.device.type, enabled=settings.precision == "fp16")
        if state.exists():
            self._go_on()

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
            self._optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - started

    def train(
        self,
        stepped: Callable[[float], None],
        epoch_done: Callable[[int], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Go on to the last step; False if it was `stopped` before. `stepped` gets each step's loss, `epoch_done` the
        number of epochs, after each. The state is written about once a minute, at a stop and at the end.

        BlockweightError if the loss is not a number any more; the state before stays.
        """
        saved = time.monotonic()
        while self.step < self.steps:
            if stopped():
                self._save()
                return False
            loss = self._loss(self.step)
            if not np.isfinite(loss):
                raise BlockweightError(
                    f"The loss of step {self.step + 1} is not a number: the learning rate is too high or the precision "
                    "too low; begin anew with others (with --overwrite, or elsewhere)."
                )
            self._advance()
            self.step += 1
            self.losses.append(loss)
            stepped(loss)
            if self.step % self.epoch_length == 0:
                epoch_done(self.step // self.epoch_length)
            if time.monotonic() - saved > STATE_SECONDS or self.step == self.steps:
                self._save()
                saved = time.monotonic()
        return True

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

    def _advance(self) -> None:
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_([matrix for each in self._attached for matrix in (each.down, each.up)], MOST_GRADIENT)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        self._rates.step()

    def _save(self) -> None:
        state = {
            "matrices": {each.adapter.lora_name: (each.down.detach(), each.up.detach()) for each in self._attached},
            "optimizer": self._optimizer.state_dict(),
            "rates": self._rates.state_dict(),
            "scaler": self._scaler.state_dict(),
            "step": self.step,
            "losses": self.losses,
        }

        def write(handle: BinaryIO) -> None:
            torch.save(state, handle)

        write_atomically(self._path, write, lambda _: None, overwrite=True)

    def _go_on(self) -> None:
        try:
            saved: dict[str, Any] = torch.load(self._path, map_location=self._trainee.device, weights_only=True)
            with torch.no_grad():
                for each in self._attached:
                    down, up = saved["matrices"][each.adapter.lora_name]
                    each.down.copy_(down)
                    each.up.copy_(up)
            self._optimizer.load_state_dict(saved["optimizer"])
            self._rates.load_state_dict(saved["rates"])
            self._scaler.load_state_dict(saved["scaler"])
            self.step, self.losses = saved["step"], saved["losses"]
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise BlockweightError(
                f"The state '{self._path}' cannot be read ({type(error).__name__}); delete it to begin anew."
            ) from error


def _recalculate(trainee: Trainee) -> None:
    """Keep less of the forward pass and calculate it again on the way back. Nothing here drops out or counts batches,
    so that `train` changes nothing else."""
    trainee.unet.train()
    trainee.unet.enable_gradient_checkpointing()
    trainee.text_encoder.train()
    trainee.text_encoder.gradient_checkpointing_enable({"use_reentrant": False})
