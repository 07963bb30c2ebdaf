"""What a LoRA's module adds to the output of the layer that it changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora import Factors, Lora
from blockweight.render.local.places import Place


@dataclass(frozen=True)
class Delta:
    """One module's factors on its layer's device, `scale` (alpha/rank) folded into `up`."""

    block: str
    down: Tensor
    up: Tensor
    mid: Tensor | None

    def add(self, layer: nn.Module, inputs: Tensor, output: Tensor, scales: Tensor) -> Tensor:
        """`output` and what ΔW adds to it for `inputs`, times the scale of each sample, (N,).

        The scale stands between the factors because there the numbers are fewest (rank instead of width).
        """
        hidden = self._inside(layer, inputs)
        hidden = hidden * scales.view(-1, *[1] * (hidden.dim() - 1))
        return output + (F.conv2d(hidden, self.up) if isinstance(layer, nn.Conv2d) else F.linear(hidden, self.up))

    def _inside(self, layer: nn.Module, inputs: Tensor) -> Tensor:
        """What `up` is applied to: (N, …, rank), or (N, rank, h, w) for a convolution."""
        if not isinstance(layer, nn.Conv2d):
            hidden = F.linear(inputs, self.down)
            return hidden if self.mid is None else F.linear(hidden, self.mid)
        if self.mid is None:
            return F.conv2d(inputs, self.down, None, layer.stride, layer.padding, layer.dilation)
        return F.conv2d(F.conv2d(inputs, self.down), self.mid, None, layer.stride, layer.padding, layer.dilation)


def delta_of(lora: Lora, module: Module, where: Place) -> Delta:
    """The change of a module, ready for the layer that is there. BlockweightError if it is of another size."""
    factors = lora.factors(module)
    layer, weight = where.layer, where.layer.weight
    assert isinstance(weight, Tensor)
    _check_size(lora, module, factors, (where.of_rows, *weight.shape[1:]))
    if where.rows:
        factors = replace(factors, up=np.concatenate([factors.up[rows.start : rows.stop] for rows in where.rows]))
    conv = isinstance(layer, nn.Conv2d)

    def place(array: NDArray[np.float32], dims: int) -> Tensor:
        tensor = torch.from_numpy(np.array(array))
        # A linear layer may be stored as a 1×1 convolution and the other way round (SD1's proj_in and SD2's).
        tensor = tensor.reshape(*tensor.shape, *[1] * (dims - tensor.dim())) if tensor.dim() < dims else tensor
        tensor = tensor.flatten(1) if dims == 2 else tensor
        return tensor.to(device=weight.device, dtype=weight.dtype)

    dims = 4 if conv else 2
    return Delta(
        block=lora.block_of(module),
        down=place(factors.down, dims),
        up=place(factors.up * np.float32(factors.scale), dims),
        mid=None if factors.mid is None else place(factors.mid, dims),
    )


def _check_size(lora: Lora, module: Module, factors: Factors, wanted: tuple[int, ...]) -> None:
    kernel = factors.mid if factors.mid is not None else factors.down
    made = (factors.up.shape[0], factors.down.shape[1], *kernel.shape[2:])
    if _trimmed(made) != _trimmed(wanted):
        raise BlockweightError(
            f"'{lora.path.name}' changes {module.component} '{module.path}' by a {'×'.join(map(str, made))} matrix, "
            f"but this model's is {'×'.join(map(str, wanted))}; it was made for another model."
        )


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(out, in) of a linear layer or a 1×1 convolution, which can stand for each other; other kernels whole."""
    return shape[:2] if set(shape[2:]) <= {1} else shape
