"""Live block weights: what a LoRA changes stays beside the model's weights, and each block's weight is a scale at run
time, one for every sample of the batch.

What most samples share is merged into a copy of the layers' weights (`live_layers`), so a batch costs what a merged
LoRA costs, but for the blocks and samples that differ, and a single picture costs just that. Changing a weight changes
a number or merges a block anew; the model's own weights are never written to.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from blockweight.blocks import TEXT_ENCODERS
from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Variant
from blockweight.render.local import live_layers
from blockweight.render.local.deltas import Delta, deltas_of
from blockweight.render.local.live_layers import Scales
from blockweight.render.local.places import Name, Places
from blockweight.weights import BlockWeights


@dataclass(frozen=True)
class _Attached:
    """One module's change on its layer, and whether that is a text encoder's."""

    layer: nn.Module
    delta: Delta
    in_texts: bool

    @property
    def where(self) -> tuple[bool, str]:
        """What decides its scale: blocks may have modules in both kinds of components, with a strength for each."""
        return self.in_texts, self.delta.block


class LiveLora:
    """A LoRA attached to the components of one pipeline. Call `detach` to take it off again, before the model is moved
    to another device or number format.

    `components` are the pipeline's modules by name (`unet`, `text_encoder`), `names` what LoRAs call their layers
    besides their own names; `layers` are all that it changes. BlockweightError if the LoRA changes a
    module that the model lacks, one of another size, or one in a way that block weights cannot scale; nothing is
    attached then.

    Others may be on the same model, and the same one again: changes add up, in the order of their `rank`. With `beside`
    nothing of the samples that are set from then on is merged into weights.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module], names: Sequence[Name] = ()) -> None:
        self.lora = lora
        self.rank, self.beside = 0, False
        places = Places(components, names)
        planned = []
        for module in lora.modules:
            found = places.find(module)
            if not found:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            in_texts = module.component in TEXT_ENCODERS
            planned += [_Attached(layer, delta, in_texts) for layer, delta in deltas_of(lora, module, found)]
        self._texts = {
            part: tuple(dict.fromkeys(lora.block_of(m) for m in lora.modules if m.component == part))
            for part in TEXT_ENCODERS
        }
        self._attach(planned)

    def _attach(self, attached: list[_Attached]) -> None:
        self._attached = attached
        self.layers = frozenset(each.layer for each in attached)
        self._scales = {each.where: Scales(()) for each in attached}
        self._sloping: dict[bool, float] | None = None

    def again(self) -> LiveLora:
        """The same LoRA once more on the same model, with block weights of its own."""
        made = copy.copy(self)
        made._attach([replace(each, delta=replace(each.delta)) for each in self._attached])
        return made

    def set_samples(self, variants: Sequence[Variant], strength: float, *, in_texts: bool | None = None) -> None:
        """Give each sample of the coming batches its own block weights, times `strength`; no LoRA at all where
        `weights` is None. In text encoders, in the denoiser, or (None) in both.

        A batch may have k times as many rows: [all samples, all samples, …], as guidance orders them.
        """
        if self._sloping is not None:
            # There is one sample, whose weights are leaves.
            self._sloping |= {each: strength for each in (False, True) if in_texts in (None, each)}
            return
        changed: dict[tuple[bool, str], Scales] = {}
        for where, held in self._scales.items():
            if in_texts is None or where[0] is in_texts:
                samples = tuple(block_scale(variant, where[1], strength) for variant in variants)
                scales = Scales(samples, self.rank, beside=self.beside)
                if not scales.equals(held):
                    changed[where] = scales
        self._scales |= changed
        for attached in self._attached:
            if (new := changed.get(attached.where)) is not None:
                live_layers.prepare(attached.layer, attached.delta, new)

    @contextmanager
    def sloping(self, weights: BlockWeights) -> Iterator[Mapping[str, Tensor]]:
        """In here all batches are of one sample with these block weights, which are leaves that gradients reach: one
        float64 number for each block, so that they add up over layers and steps in that, whatever the model calculates
        in. Nothing of this LoRA is merged, which would hide them. `set_samples` still tells the strength, 0 at first.
        """
        leaves = {
            block: torch.tensor(weights.weight(block), dtype=torch.float64, requires_grad=True)
            for _, block in self._scales
        }

        def add(attached: _Attached, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            strength = strengths[attached.in_texts]
            if not strength:
                return output
            taken, delta = inputs[0], attached.delta
            scale = (strength * leaves[delta.block]).to(output.device, output.dtype)
            return output + delta.times(layer, taken, scale.expand(len(taken)))

        self.set_samples([Variant("without", None)], 0.0)
        handles = [each.layer.register_forward_hook(partial(add, each)) for each in self._attached]
        self._sloping = strengths = {False: 0.0, True: 0.0}
        try:
            yield leaves
        finally:
            self._sloping = None
            for handle in handles:
                handle.remove()

    def text_scales(
        self, variant: Variant, strength: float, components: Collection[str] = TEXT_ENCODERS
    ) -> tuple[tuple[str, float], ...]:
        """The scales that decide this variant's text embeddings: those of the blocks of these text encoders in this
        LoRA."""
        texts = dict.fromkeys(block for part in components for block in self._texts.get(part, ()))
        return tuple((block, block_scale(variant, block, strength)) for block in texts)

    def detach(self) -> None:
        """Take the LoRA off the model."""
        for attached in self._attached:
            live_layers.remove(attached.layer, attached.delta)
        self._attached.clear()


def block_scale(variant: Variant, block: str, strength: float) -> float:
    """strength × block weight: what multiplies the ΔW of a block's modules; 0 without the LoRA."""
    return 0.0 if variant.weights is None else strength * variant.weights.weight(block)
