"""The forms in which a change ΔW is kept beside a layer's weight, and what each makes of the layer's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from blockweight.render.local.layers import CONVOLUTIONS, applied, per_sample, pointwise


class Form(Protocol):
    """A change ΔW of a layer's weight, on the layer's device."""

    def times(self, layer: nn.Module, inputs: Tensor, scales: Tensor) -> Tensor:
        """What ΔW makes of `inputs`, times the scale of each sample, (N,)."""
        ...

    def whole(self) -> Tensor:
        """ΔW multiplied out."""
        ...


@dataclass(frozen=True)
class Thin:
    """ΔW = up · (mid ·) down. Of a convolution, down or mid has the kernel, and all have as many dimensions as its
    weight."""

    down: Tensor
    up: Tensor
    mid: Tensor | None = None

    def times(self, layer: nn.Module, inputs: Tensor, scales: Tensor) -> Tensor:
        """The scale stands between the factors because there the numbers are fewest (rank instead of width)."""
        if self.mid is None:
            hidden = applied(layer, inputs, self.down)
        else:
            hidden = applied(layer, pointwise(layer, inputs, self.down), self.mid)
        return pointwise(layer, hidden * per_sample(scales, hidden), self.up)

    def whole(self) -> Tensor:
        """(out, in, …)."""
        right = self.down.flatten(1)
        shape = self.down.shape if self.mid is None else (*self.down.shape[:2], *self.mid.shape[2:])
        if self.mid is not None:
            right = torch.einsum("pq...,qi->pi...", self.mid, right).flatten(1)
        return (self.up.flatten(1) @ right).reshape(len(self.up), *shape[1:])


@dataclass(frozen=True)
class Kronecker:
    """ΔW = first ⊗ second, with first (a, b) and second the product of one or two factors, of a convolution the last of
    them (o, r, 1, …). (first ⊗ second) · x is first · X · secondᵀ for the b rows X of x: never as large as ΔW."""

    first: Tensor
    seconds: tuple[Tensor, ...]

    def times(self, layer: nn.Module, inputs: Tensor, scales: Tensor) -> Tensor:
        """Over a linear layer's last dimension, or a convolution's channels."""
        if isinstance(layer, CONVOLUTIONS):
            parts = inputs.reshape(-1, inputs.shape[1] // self.first.shape[1], *inputs.shape[2:])
            hidden = self._second(layer, parts)
            joined = self.first @ hidden.reshape(len(inputs), self.first.shape[1], -1)
            made = joined.reshape(len(inputs), -1, *hidden.shape[2:])
        else:
            hidden = self._second(layer, inputs.reshape(*inputs.shape[:-1], self.first.shape[1], -1))
            made = (self.first @ hidden).flatten(-2)
        return made * per_sample(scales, made)

    def _second(self, layer: nn.Module, inputs: Tensor) -> Tensor:
        hidden = applied(layer, inputs, self.seconds[0])
        return hidden if len(self.seconds) == 1 else pointwise(layer, hidden, self.seconds[1])

    def whole(self) -> Tensor:
        """(a · o, b · i, …)."""
        second = self.seconds[0]
        if len(self.seconds) > 1:
            up = self.seconds[1].flatten(1)
            second = (up @ second.flatten(1)).reshape(len(up), *second.shape[1:])
        (a, b), (o, i, *kernel) = self.first.shape, second.shape
        return (self.first[:, None, :, None] * second.reshape(1, o, 1, -1)).reshape(a * o, b * i, *kernel)


@dataclass(frozen=True)
class Whole:
    """ΔW as it is: one more product of the layer's own size."""

    weight: Tensor

    def times(self, layer: nn.Module, inputs: Tensor, scales: Tensor) -> Tensor:
        """As the layer does it."""
        made = applied(layer, inputs, self.weight)
        return made.mul_(per_sample(scales, made))

    def whole(self) -> Tensor:
        """The layer's weight's shape."""
        return self.weight
