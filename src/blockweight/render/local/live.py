"""Live block weights: the LoRA's factors stay beside the model's weights, and each block's weight is a scale at run
time, one for every sample of the batch.

    output = W x + up(scale[sample, block] · mid(down(x)))

so changing a weight changes a number: nothing is loaded again and no weight of the model is touched. The scale stands
between the factors because there the numbers are fewest (rank instead of width).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora import Factors, Lora
from blockweight.plan import Variant


@dataclass(frozen=True)
class _Delta:
    """One module's factors on the model's device, `scale` (alpha/rank) folded into `up`."""

    block: str
    down: Tensor
    up: Tensor
    mid: Tensor | None


class LiveLora:
    """A LoRA attached to the components of one pipeline. Call `detach` to take it off again.

    `components` are the pipeline's modules by name (`unet`, `text_encoder`). BlockweightError if the LoRA changes a
    module that the model lacks, or one of another size; nothing is attached then.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module]) -> None:
        self.lora = lora
        self._scales: dict[str, tuple[float, ...]] = {}
        self._columns: dict[tuple[str, torch.device, torch.dtype], Tensor] = {}
        layers = {name: _layers_by_path(component) for name, component in components.items()}
        planned = []
        for module in lora.modules:
            layer = _find(layers.get(module.component, {}), module)
            if layer is None:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            planned.append((layer, _on_device(lora, module, layer)))
        self._blocks = tuple(dict.fromkeys(lora.block_of(module) for module in lora.modules))
        self._handles = [layer.register_forward_hook(self._hook(delta)) for layer, delta in planned]

    def set_samples(self, variants: Sequence[Variant], strength: float) -> None:
        """Give each sample of the coming batches its own block weights; no LoRA at all where `weights` is None."""
        self._scales = {block: tuple(block_scale(v, block, strength) for v in variants) for block in self._blocks}
        self._columns = {}

    def text_scales(self, variant: Variant, strength: float) -> tuple[tuple[str, float], ...]:
        """The scales that decide this variant's text embeddings: those of the text encoder's blocks in this LoRA."""
        texts = dict.fromkeys(self.lora.block_of(m) for m in self.lora.modules if m.component == "text_encoder")
        return tuple((block, block_scale(variant, block, strength)) for block in texts)

    def detach(self) -> None:
        """Take the LoRA off the model."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, delta: _Delta) -> Any:
        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            scales = self._scales.get(delta.block, ())
            if not any(scales):
                return output
            hidden = _inside(delta, layer, inputs[0])
            hidden = hidden * self._column(delta.block, hidden).view(-1, *[1] * (hidden.dim() - 1))
            return output + (F.conv2d(hidden, delta.up) if isinstance(layer, nn.Conv2d) else F.linear(hidden, delta.up))

        return add

    def _column(self, block: str, like: Tensor) -> Tensor:
        """The block's scales where `like` is, moved there once per batch instead of once per layer."""
        key = (block, like.device, like.dtype)
        if key not in self._columns:
            self._columns[key] = torch.tensor(self._scales[block], device=like.device, dtype=like.dtype)
        return self._columns[key]


def block_scale(variant: Variant, block: str, strength: float) -> float:
    """strength × block weight: what multiplies the ΔW of a block's modules; 0 without the LoRA."""
    return 0.0 if variant.weights is None else strength * variant.weights.weight(block)


def _inside(delta: _Delta, layer: nn.Module, inputs: Tensor) -> Tensor:
    """What `up` is applied to: (N, …, rank), or (N, rank, h, w) for a convolution."""
    if not isinstance(layer, nn.Conv2d):
        hidden = F.linear(inputs, delta.down)
        return hidden if delta.mid is None else F.linear(hidden, delta.mid)
    if delta.mid is None:
        return F.conv2d(inputs, delta.down, None, layer.stride, layer.padding, layer.dilation)
    return F.conv2d(F.conv2d(inputs, delta.down), delta.mid, None, layer.stride, layer.padding, layer.dilation)


def _layers_by_path(component: nn.Module) -> dict[str, nn.Module]:
    return {name.replace(".", "_"): layer for name, layer in component.named_modules() if name}


def _find(layers: Mapping[str, nn.Module], module: Module) -> nn.Module | None:
    # transformers 5.6 dropped the level `text_model` from CLIPTextModel's module names; LoRA files keep it.
    layer = layers.get(module.path) or layers.get(module.path.removeprefix("text_model_"))
    return layer if isinstance(layer, nn.Linear | nn.Conv2d) else None


def _on_device(lora: Lora, module: Module, layer: nn.Module) -> _Delta:
    factors = lora.factors(module)
    weight = layer.weight
    assert isinstance(weight, Tensor)
    _check_size(lora, module, factors, tuple(weight.shape))
    conv = isinstance(layer, nn.Conv2d)

    def place(array: NDArray[np.float32], dims: int) -> Tensor:
        tensor = torch.from_numpy(np.array(array))
        # A linear layer may be stored as a 1×1 convolution and the other way round (SD1's proj_in and SD2's).
        tensor = tensor.reshape(*tensor.shape, *[1] * (dims - tensor.dim())) if tensor.dim() < dims else tensor
        tensor = tensor.flatten(1) if dims == 2 else tensor
        return tensor.to(device=weight.device, dtype=weight.dtype)

    dims = 4 if conv else 2
    return _Delta(
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
