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

from blockweight.blocks import TEXT_ENCODERS
from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Variant
from blockweight.render.local.deltas import Delta, delta_of
from blockweight.render.local.places import Name, Places


class LiveLora:
    """A LoRA attached to the components of one pipeline. Call `detach` to take it off again.

    `components` are the pipeline's modules by name (`unet`, `text_encoder`), `names` what LoRAs call their layers
    besides their own names. BlockweightError if the LoRA changes a
    module that the model lacks, or one of another size; nothing is attached then.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module], names: Sequence[Name] = ()) -> None:
        self.lora = lora
        self._scales: dict[str, tuple[float, ...]] = {}
        self._columns: dict[tuple[str, torch.device, torch.dtype, int], Tensor] = {}
        places = Places(components, names)
        planned = []
        for module in lora.modules:
            found = places.find(module)
            if not found:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            planned += [(place.layer, delta_of(lora, module, place)) for place in found]
        self.layers = frozenset(layer for layer, _ in planned)
        self._blocks = tuple(dict.fromkeys(lora.block_of(module) for module in lora.modules))
        self._handles = [layer.register_forward_hook(self._hook(delta)) for layer, delta in planned]

    def set_samples(self, variants: Sequence[Variant], strength: float) -> None:
        """Give each sample of the coming batches its own block weights; no LoRA at all where `weights` is None."""
        self._scales = {block: tuple(block_scale(v, block, strength) for v in variants) for block in self._blocks}
        self._columns = {}

    def text_scales(self, variant: Variant, strength: float) -> tuple[tuple[str, float], ...]:
        """The scales that decide this variant's text embeddings: those of the text encoder's blocks in this LoRA."""
        texts = dict.fromkeys(self.lora.block_of(m) for m in self.lora.modules if m.component in TEXT_ENCODERS)
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
        """The block's scales where `like` is, one for each of its rows, moved there once per batch instead of once per
        layer. A model may be asked for all samples twice at once, without and with the prompt."""
        key = (block, like.device, like.dtype, len(like))
        if key not in self._columns:
            scales = self._scales[block]
            times, left = divmod(len(like), len(scales))
            if left:
                raise RuntimeError(f"{len(like)} rows of a layer cannot be shared out among {len(scales)} samples")
            self._columns[key] = torch.tensor(scales * times, device=like.device, dtype=like.dtype)
        return self._columns[key]


def block_scale(variant: Variant, block: str, strength: float) -> float:
    """strength × block weight: what multiplies the ΔW of a block's modules; 0 without the LoRA."""
    return 0.0 if variant.weights is None else strength * variant.weights.weight(block)
