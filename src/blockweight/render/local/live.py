"""Live block weights: the LoRA's factors stay beside the model's weights, and each block's weight is a scale at run
time, one for every sample of the batch.

    output = W x + scale[sample, block] · up(mid(down(x)))

so changing a weight changes a number: nothing is loaded again and no weight of the model is touched.
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
    module that the model lacks, or one of another size.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module]) -> None:
        self.lora = lora
        self._scales: dict[str, Tensor] = {}
        self._handles = []
        layers = {name: _layers_by_path(component) for name, component in components.items()}
        planned = []
        for module in lora.modules:
            layer = _find(layers.get(module.component, {}), module)
            if layer is None:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            planned.append((module, layer, _on_device(lora, module, layer)))
        for _, layer, delta in planned:
            self._handles.append(layer.register_forward_hook(self._hook(delta)))

    def set_variants(self, variants: Sequence[Variant], strength: float) -> None:
        """Give each sample of the coming batches its own block weights; no LoRA at all where `weights` is None."""
        blocks = dict.fromkeys(self.lora.block_of(module) for module in self.lora.modules)
        self._scales = {block: torch.tensor([block_scale(v, block, strength) for v in variants]) for block in blocks}

    def detach(self) -> None:
        """Take the LoRA off the model."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, delta: _Delta) -> Any:
        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            scales = self._scales.get(delta.block)
            if scales is None or not scales.any():
                return output
            changed = _apply(delta, layer, inputs[0])
            # Guidance stacks the unconditional and the conditional half: the samples repeat.
            repeats = output.shape[0] // len(scales)
            column = scales.to(output).repeat(repeats).view(-1, *[1] * (output.dim() - 1))
            return output + column * changed

        return add


def block_scale(variant: Variant, block: str, strength: float) -> float:
    """strength × block weight: what multiplies the ΔW of a block's modules; 0 without the LoRA."""
    return 0.0 if variant.weights is None else strength * variant.weights.weight(block)


def _apply(delta: _Delta, layer: nn.Module, inputs: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        if delta.mid is not None:
            hidden = F.conv2d(inputs, delta.down)
            hidden = F.conv2d(hidden, delta.mid, None, layer.stride, layer.padding, layer.dilation)
        else:
            hidden = F.conv2d(inputs, delta.down, None, layer.stride, layer.padding, layer.dilation)
        return F.conv2d(hidden, delta.up)
    return F.linear(F.linear(inputs, delta.down), delta.up)


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
    if [size for size in made if size != 1] != [size for size in wanted if size != 1]:
        raise BlockweightError(
            f"'{lora.path.name}' changes {module.component} '{module.path}' by a {'×'.join(map(str, made))} matrix, "
            f"but this model's is {'×'.join(map(str, wanted))}; it was made for another model."
        )
