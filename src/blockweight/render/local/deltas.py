"""What a LoRA's module adds to the output of the layer that it changes, in the cheapest exact form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora import Change, Factors, LayerChange, Lora, layer_change
from blockweight.render.local.forms import Form, Kronecker, Thin, Whole
from blockweight.render.local.layers import NORMS, per_output, per_sample
from blockweight.render.local.merging import own_weight
from blockweight.render.local.places import Place

_Matrix = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Delta:
    """What one module adds to its layer: `form` to its weight, `bias` (out,) to its bias; None for what stays."""

    block: str
    form: Form | None
    bias: Tensor | None

    def times(self, layer: nn.Module, inputs: Tensor, scales: Tensor) -> Tensor:
        """What it adds to the layer's output for `inputs`, times the scale of each sample, (N,)."""
        made = None if self.form is None else self.form.times(layer, inputs, scales)
        if self.bias is None:
            assert made is not None
            return made
        like = inputs if made is None else made
        bias = per_output(layer, self.bias, like) * per_sample(scales, like)
        return bias if made is None else made + bias

    def whole(self) -> tuple[Tensor | None, Tensor | None]:
        """ΔW in the layer's weight's shape, and Δb."""
        return (None if self.form is None else self.form.whole()), self.bias


def deltas_of(lora: Lora, module: Module, places: Sequence[Place]) -> list[tuple[nn.Module, Delta]]:
    """The layers of a module, each with its change: on the layer's device, in its number format. BlockweightError as in
    `layer_change`, and if the change is of another size."""
    weights = [own_weight(place.layer) for place in places]
    dtype = np.float64 if weights[0].dtype == torch.float64 else np.float32
    shape = (places[0].of_rows, *weights[0].shape[1:])

    def values() -> _Matrix:
        whole = np.empty(shape, dtype)
        for place, weight in zip(places, weights, strict=True):
            whole[_rows(place)] = weight.detach().to("cpu", torch.float64 if dtype is np.float64 else torch.float32)
        return whole

    change = layer_change(lora, module, values, dtype)
    _check_size(lora, module, change, shape)
    return [(place.layer, _delta(lora, module, place, change)) for place in places]


def _delta(lora: Lora, module: Module, place: Place, change: LayerChange) -> Delta:
    layer = place.layer
    if change.bias is not None and isinstance(layer, nn.RMSNorm):
        raise BlockweightError(
            f"'{lora.path.name}' changes the bias of {module.component} '{module.path}', which has none in this model; "
            "it was made for another model."
        )
    taken = change.taking(_rows(place)) if place.rows else change
    maker = _Maker(lora, module, layer, own_weight(layer), taken)
    bias = None if taken.bias is None else maker.placed(taken.bias)
    return Delta(lora.block_of(module), None if taken.weight is None else maker.form(), bias)


def _rows(place: Place) -> NDArray[np.intp]:
    """The rows of the module's change that are the layer's, in its order."""
    return np.concatenate([np.arange(part.start, part.stop) for part in place.rows or (range(place.of_rows),)])


@dataclass(frozen=True)
class _Maker:
    """Makes a layer's forms."""

    lora: Lora
    module: Module
    layer: nn.Module
    weight: Tensor
    change: LayerChange

    def form(self) -> Form:
        """The form that takes the fewest multiplications for each of the layer's outputs."""
        change, shape = self.change.weight, tuple(self.weight.shape)
        most = math.prod(shape)
        if isinstance(self.layer, NORMS) or getattr(self.layer, "groups", 1) != 1:
            most = 0
        if isinstance(change, Factors) and _thin_cost(change) < most:
            return self._thin(change)
        if isinstance(change, Change) and change.joined == "hadamard" and change.rank * sum(_matrix(shape)) < most:
            left, right = change.thin()
            return self._thin(Factors(right.reshape(len(right), *shape[1:]), left, None, change.scale))
        if isinstance(change, Change) and change.joined == "kronecker" and _kronecker_cost(change) < most:
            return self._kronecker(change)
        return Whole(self.placed(self.change.whole(shape)))

    def _thin(self, factors: Factors) -> Thin:
        up, down = _balanced(factors.up * factors.up.dtype.type(factors.scale), factors.down)
        mid = None if factors.mid is None else self.placed(factors.mid, factor=True)
        return Thin(self.placed(down, factor=True), self.placed(up, factor=True), mid)

    def _kronecker(self, change: Change) -> Kronecker:
        first, second = change.operands
        outer = first.rows(slice(None))
        inner, *more = (second.right,) if second.left is None else (second.right, second.left)
        outer, inner = _balanced(outer * outer.dtype.type(change.scale), inner)
        inner = inner.reshape(len(inner), self.weight.shape[1] // outer.shape[1], *self.weight.shape[2:])
        return Kronecker(self.placed(outer), tuple(self.placed(each, factor=True) for each in (inner, *more)))

    def placed(self, values: _Matrix, *, factor: bool = False) -> Tensor:
        """On the layer's device, in its number format; a factor also with as many dimensions as its weight has. (A
        linear layer may be stored as a 1×1 convolution and the other way round: SD1's proj_in and SD2's.)"""
        if factor:
            dims = self.weight.dim()
            values = values.reshape(*values.shape[:dims], *[1] * (dims - values.ndim))
        made = torch.from_numpy(np.ascontiguousarray(values)).to(self.weight.dtype)
        if not made.isfinite().all():
            raise BlockweightError(
                f"'{self.lora.path.name}' changes {self.module.component} '{self.module.path}' by numbers beyond the "
                f"largest of {str(self.weight.dtype).removeprefix('torch.')}; the LoRA is broken."
            )
        return made.to(self.weight.device)


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:])


def _thin_cost(factors: Factors) -> int:
    """Multiplications for each output position."""
    core = 0 if factors.mid is None else factors.mid.size
    return factors.down.size + factors.up.size + core


def _kronecker_cost(change: Change) -> int:
    first, second = change.operands
    (a, b), (o, _) = first.shape, second.shape
    inner = second.right.size + (0 if second.left is None else second.left.size)
    return b * inner + a * b * o


def _balanced(one: _Matrix, other: _Matrix) -> tuple[_Matrix, _Matrix]:
    """Two factors with largest numbers alike, and the product that they had, to the last bit: alpha / rank in one of
    them may leave it too small for 16 bits."""
    sizes = [float(np.abs(each).max(initial=0.0)) for each in (one, other)]
    if 0.0 in sizes:
        return one, other
    step = one.dtype.type(2.0 ** round(math.log2(sizes[1] / sizes[0]) / 2))
    return one * step, other / step


def _check_size(lora: Lora, module: Module, change: LayerChange, wanted: tuple[int, ...]) -> None:
    made = None if change.fits(wanted) else change.shape
    if made is None and change.bias is not None and change.bias.shape != wanted[:1]:
        made, wanted = change.bias.shape, wanted[:1]
    if made is not None:
        raise BlockweightError(
            f"'{lora.path.name}' changes {module.component} '{module.path}' by a {'×'.join(map(str, made))} matrix, "
            f"but this model's is {'×'.join(map(str, wanted))}; it was made for another model."
        )
