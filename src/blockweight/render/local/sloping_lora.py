"""A LoRA whose block weights are tensors that gradients reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from blockweight.plan import Variant
from blockweight.render.local.deltas import Delta
from blockweight.render.local.live import LiveLora
from blockweight.weights import BlockWeights


class SlopingLora(LiveLora):
    """W x + strength · w[block] · ΔW x, with w a leaf for every block, calculated beside the layers' own weights:
    merging would hide the weights from the gradient. Nothing is on the model but inside `at`."""

    @contextmanager
    def at(self, weights: BlockWeights, strength: float) -> Iterator[Mapping[str, Tensor]]:
        """Attached with these block weights; gives the leaves, one float64 number each. Gradients add up over layers
        and steps in that, whatever the model calculates in."""
        leaves = {
            block: torch.tensor(weights.weight(block), dtype=torch.float64, requires_grad=True)
            for block in self._scales
        }

        def add(delta: Delta, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            taken = inputs[0]
            scale = (strength * leaves[delta.block]).to(output.device, output.dtype)
            return output + delta.times(layer, taken, scale.expand(len(taken)))

        handles = [each.layer.register_forward_hook(partial(add, each.delta)) for each in self._attached]
        try:
            yield leaves
        finally:
            for handle in handles:
                handle.remove()

    def set_samples(self, variants: Sequence[Variant], strength: float) -> None:
        """Nothing to do: there is one picture, and `at` was told its weights."""
