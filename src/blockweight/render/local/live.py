"""Live block weights: the LoRA's factors stay beside the model's weights, and each block's weight is a scale at run
time, one for every sample of the batch.

    output = W x + up(scale[sample, block] · mid(down(x)))

so changing a weight changes a number: nothing is loaded again and no weight of the model is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Variant
from blockweight.render.local.deltas import Delta, delta_of
from blockweight.render.local.places import Places


class LiveLora:
    """A LoRA attached to the components of one pipeline. Call `detach` to take it off again.

    `components` are the pipeline's modules by name (`unet`, `text_encoder`). BlockweightError if the LoRA changes a
    module that the model lacks, or one of another size; nothing is attached then.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module]) -> None:
        self.lora = lora
        self._scales: dict[str, tuple[float, ...]] = {}
        self._columns: dict[tuple[str, torch.device, torch.dtype], Tensor] = {}
        places = Places(components)
        planned = []
        for module in lora.modules:
            place = places.find(module)
            if place is None:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            planned.append((place.layer, delta_of(lora, module, place.layer)))
        self._blocks = tuple(dict.fromkeys(lora.block_of(module) for module in lora.modules))
        self._handles = [layer.register_forward_hook(self._hook(delta)) for layer, delta in planned]

    def set_samples(self, variants: Sequence[Variant], strength: float) -> None:
        """Give each sample of the coming batches its own block weights; no LoRA at all where `weights` is None."""
        self._scales = {block: tuple(block_scale(v, block, strength) for v in variants) for block in self._blocks}
        self._columns = {}

    def text_scales(
        self, variant: Variant, strength: float, component: str = "text_encoder"
    ) -> tuple[tuple[str, float], ...]:
        """The scales that decide this variant's text embeddings: those of a text encoder's blocks in this LoRA."""
        texts = dict.fromkeys(self.lora.block_of(m) for m in self.lora.modules if m.component == component)
        return tuple((block, block_scale(variant, block, strength)) for block in texts)

    def detach(self) -> None:
        """Take the LoRA off the model."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, delta: Delta) -> Any:
        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            scales = self._scales.get(delta.block, ())
            if not any(scales):
                return output
            return delta.add(layer, inputs[0], output, self._column(delta.block, output))

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
