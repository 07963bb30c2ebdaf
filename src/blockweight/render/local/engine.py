"""What a loaded model must do so that the renderer can draw with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from blockweight.plan import Job, Scene
from blockweight.render.local.live import LiveLora
from blockweight.render.local.places import Name

Stepped = Callable[[int, int], None]
"""Told how many times a batch has asked the model, and how many times it will in all. What it raises ends the batch."""


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

    def draw(self, jobs: Sequence[Job], live: LiveLora | None, stepped: Stepped) -> Tensor:
        """The pictures of a batch, (N, 3, H, W) around −1 to 1, fp32. The jobs share all that `Scene` says but prompts
        and seeds; every sample has the block weights of its job, by `live`, which is None if no job has any."""
        ...

    def texts_anew(self) -> AbstractContextManager[None]:
        """In here no prompt that was read before counts, and what is read is forgotten after: gradients go through the
        text encoders."""
        ...

    def seeing(self, seen: Callable[[Tensor], None]) -> AbstractContextManager[None]:
        """In here `seen` is given what the model predicts each time that it is asked, after guidance: (N, C, h, w), or
        (N, tokens, channels) of a model whose latents are packed. What it raises ends the picture."""
        ...
