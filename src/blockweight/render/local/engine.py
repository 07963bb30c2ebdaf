"""What a loaded model must do so that the renderer can draw with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from blockweight.plan import Job, Scene
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.places import Name

Stepped = Callable[[int, int], None]
"""Told how many times a batch has asked the model, and how many times it will in all. What it raises ends the batch."""


class Reached(Exception):  # noqa: N818
    """The way went as far as it had to."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the denoiser sees in latents that it was shown, one a job: `x0`, its guided estimate of the finished ones,
    (N, C, h, w), fp32, patches of the model's own with all their values as channels; the estimates as `pictures`,
    (N, 3, H, W) around −1 to 1, where they were asked for; and the `rows` that it evaluated for that."""

    x0: Tensor
    pictures: Tensor | None
    rows: int


Look = Callable[[Sequence[Job], bool], Seen]
"""What the denoiser sees in the latents of the source's way with the block weights of each job; with True also as
pictures. Raises what torch raises if that is too much for the memory."""

Visit = Callable[[int, Look], None]
"""Called at each of the steps that were asked for."""


class Engine(Protocol):
    """A model in memory, of one kind of architecture. `pipeline` is diffusers'."""

    pipeline: Any

    @property
    def families(self) -> tuple[str, ...]:
        """The families of block weights that fit it."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What the denoiser calculates in."""
        ...

    @property
    def components(self) -> Mapping[str, nn.Module]:
        """The parts that a LoRA can change, by the names that `blocks.Module.component` uses."""
        ...

    @property
    def names(self) -> tuple[Name, ...]:
        """What LoRAs call the components' layers besides their own names."""
        ...

    def check(self, scene: Scene) -> None:
        """Raise BlockweightError for a scene that this model cannot draw; nothing is drawn yet."""
        ...

    def draw(self, jobs: Sequence[Job], loras: LiveLoras, stepped: Stepped) -> Tensor:
        """The pictures of a batch, (N, 3, H, W) around −1 to 1, fp32. The jobs share all that `Scene` says but prompts
        and seeds; every sample has the block weights of its job, by `loras`."""
        ...

    def texts_anew(self) -> AbstractContextManager[None]:
        """In here no prompt that was read before counts, and what is read is forgotten after: gradients go through the
        text encoders."""
        ...

    def noise_levels(self, job: Job, loras: LiveLoras) -> list[float]:
        """The ratio of noise to picture every time that the model is asked in the first pass; ∞ for noise alone."""
        ...

    def walk(self, job: Job, loras: LiveLoras, steps: Sequence[int], visit: Visit, went: Callable[[int], None]) -> None:
        """Go the way of the job to the last of `steps`, not beyond, and at each of them call `visit`. `went` is told of
        the rows of each time that the model was asked on the way itself."""
        ...

    def together(self, jobs: Sequence[Job], loras: LiveLoras) -> bool:
        """Whether several of these samples can be evaluated in one batch with these LoRAs."""
        ...

    def seeing(self, seen: Callable[[Tensor], None]) -> AbstractContextManager[None]:
        """In here `seen` is given what the model predicts each time that it is asked, after guidance: (N, C, h, w), or
        (N, tokens, channels) of a model whose latents are packed. What it raises ends the picture."""
        ...
