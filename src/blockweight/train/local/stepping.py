"""Learning step by step. A kill costs time and nothing else: a step's randomness comes from its number, and a state
file holds all the rest, so a run that goes on takes the steps of one that was never stopped."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically

STATE_SECONDS = 60.0
"""How often the state is written, and so the most that a kill costs."""

MOST_GRADIENT = 1.0
"""What the gradient's norm is cut to, as sd-scripts does."""


@dataclass(frozen=True, eq=False)
class Learner:
    """What learns. `tensors` are by name all that a step changes beside the optimizer, its `rates` (a scheduler of
    torch's) and the scaler of gradients. `gradients` leaves those of a step in the optimizer's parameters and returns
    the loss; all chance in it must come from the step's number."""

    tensors: Mapping[str, Tensor]
    optimizer: Any
    rates: Any
    gradients: Callable[[int], float]
    scaler: torch.amp.GradScaler

    def advance(self) -> None:
        """Take the step whose gradients are there."""
        self.scaler.unscale_(self.optimizer)
        learning = [each for group in self.optimizer.param_groups for each in group["params"]]
        nn.utils.clip_grad_norm_(learning, MOST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.forget()
        self.rates.step()

    def forget(self) -> None:
        """Drop the gradients."""
        self.optimizer.zero_grad(set_to_none=True)


class Stepper:
    """A learner on its way, from its state file on where there is one: `step` are done, `losses` are theirs.

    BlockweightError for a state file that cannot be read. Whether it is the same learner's is not looked at.
    """

    def __init__(self, learner: Learner, state: Path) -> None:
        self._learner, self._path = learner, state
        self.step, self.losses = 0, list[float]()
        if state.exists():
            self._go_on()

    def train(self, steps: int, stepped: Callable[[float], None], stopped: Callable[[], bool] = lambda: False) -> bool:
        """Go on until so many steps are done; False if it was `stopped` before. `stepped` gets each step's loss; what
        it changes of the learner's tensors is a part of the step. The state is written about once a minute, at a stop
        and at the end.

        BlockweightError if the loss is not a number any more; the state before stays.
        """
        saved = time.monotonic()
        while self.step < steps:
            if stopped():
                self._save()
                return False
            loss = self._learner.gradients(self.step)
            if not math.isfinite(loss):
                raise BlockweightError(
                    f"The loss of step {self.step + 1} is not a number: the learning rate is too high or the precision "
                    "too low; begin anew with others (with --overwrite, or elsewhere)."
                )
            self._learner.advance()
            self.step += 1
            self.losses.append(loss)
            stepped(loss)
            if time.monotonic() - saved > STATE_SECONDS or self.step == steps:
                self._save()
                saved = time.monotonic()
        return True

    def _save(self) -> None:
        learner = self._learner
        state = {
            "tensors": {name: tensor.detach() for name, tensor in learner.tensors.items()},
            "optimizer": learner.optimizer.state_dict(),
            "rates": learner.rates.state_dict(),
            "scaler": learner.scaler.state_dict(),
            "step": self.step,
            "losses": self.losses,
        }

        def write(handle: BinaryIO) -> None:
            torch.save(state, handle)

        write_atomically(self._path, write, lambda _: None, overwrite=True)

    def _go_on(self) -> None:
        learner = self._learner
        try:
            saved: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=True)
            with torch.no_grad():
                for name, tensor in learner.tensors.items():
                    tensor.copy_(saved["tensors"][name])
            learner.optimizer.load_state_dict(saved["optimizer"])
            learner.rates.load_state_dict(saved["rates"])
            learner.scaler.load_state_dict(saved["scaler"])
            self.step, self.losses = saved["step"], saved["losses"]
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise BlockweightError(
                f"The state '{self._path}' cannot be read ({type(error).__name__}); delete it to begin anew."
            ) from error
