"""Live block weights: what a LoRA changes stays beside the model's weights, and each block's weight is a scale at run
time, one for every sample of the batch.

Of each block, the weight that most samples share is merged into a copy of the layer's weights, and the other samples
get the difference:

    output = (W + m · ΔW) x + (scale[sample, block] − m) · ΔW x

So a batch costs what a merged LoRA costs, but for the blocks and samples that differ, and a single picture costs just
that. Samples of weight 0 get W x itself: no LoRA, however broken, reaches a picture that has none of it. Changing a
weight changes a number or merges a block anew; the model's own weights are never written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from blockweight.blocks import TEXT_ENCODERS
from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Variant
from blockweight.render.local.deltas import Delta, deltas_of
from blockweight.render.local.layers import applied
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.local.merging import merge, take_off, unmerged
from blockweight.render.local.places import Name, Places
from blockweight.weights import BlockWeights

_MOST = 0.75
"""The share of a batch's rows beyond which all of them are calculated: picking rows out copies them."""


class LiveLora:
    """A LoRA attached to the components of one pipeline. Call `detach` to take it off again, before the model is moved
    to another device or number format.

    `components` are the pipeline's modules by name (`unet`, `text_encoder`), `names` what LoRAs call their layers
    besides their own names; `layers` are all that it changes. BlockweightError if the LoRA changes a
    module that the model lacks, one of another size, or one in a way that block weights cannot scale; nothing is
    attached then.
    """

    def __init__(self, lora: Lora, components: Mapping[str, nn.Module], names: Sequence[Name] = ()) -> None:
        self.lora = lora
        places = Places(components, names)
        planned = []
        for module in lora.modules:
            found = places.find(module)
            if not found:
                raise BlockweightError(
                    f"'{lora.path.name}' changes {module.component} '{module.path}', which this model does not have; "
                    "it was made for another kind of model."
                )
            planned += deltas_of(lora, module, found)
        self.layers = frozenset(layer for layer, _ in planned)
        self._scales = {lora.block_of(module): _Scales(()) for module in lora.modules}
        self._attached = [_Attached(layer, delta) for layer, delta in planned]
        self._sloping = False

    def set_samples(self, variants: Sequence[Variant], strength: float) -> None:
        """Give each sample of the coming batches its own block weights; no LoRA at all where `weights` is None.

        A batch may have k times as many rows: [all samples, all samples, …], as guidance orders them.
        """
        if self._sloping:
            return  # there is one sample, whose weights are leaves
        self._scales = {
            block: _Scales(tuple(block_scale(v, block, strength) for v in variants)) for block in self._scales
        }
        for attached in self._attached:
            attached.prepare(self._scales[attached.delta.block])

    @contextmanager
    def sloping(self, weights: BlockWeights, strength: float) -> Iterator[Mapping[str, Tensor]]:
        """In here all batches are of one sample with these block weights, which are leaves that gradients reach: one
        float64 number for each block, so that they add up over layers and steps in that, whatever the model calculates
        in. Nothing is merged, which would hide them."""
        leaves = {
            block: torch.tensor(weights.weight(block), dtype=torch.float64, requires_grad=True)
            for block in self._scales
        }

        def add(delta: Delta, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            taken = inputs[0]
            scale = (strength * leaves[delta.block]).to(output.device, output.dtype)
            return output + delta.times(layer, taken, scale.expand(len(taken)))

        self.set_samples([Variant("without", None)], 0.0)
        handles = [each.layer.register_forward_hook(partial(add, each.delta)) for each in self._attached]
        self._sloping = True
        try:
            yield leaves
        finally:
            self._sloping = False
            for handle in handles:
                handle.remove()

    def text_scales(
        self, variant: Variant, strength: float, components: Collection[str] = TEXT_ENCODERS
    ) -> tuple[tuple[str, float], ...]:
        """The scales that decide this variant's text embeddings: those of the blocks of these text encoders in this
        LoRA."""
        texts = dict.fromkeys(self.lora.block_of(m) for m in self.lora.modules if m.component in components)
        return tuple((block, block_scale(variant, block, strength)) for block in texts)

    def detach(self) -> None:
        """Take the LoRA off the model."""
        for attached in self._attached:
            attached.detach()
        self._attached.clear()


@dataclass(frozen=True)
class _Rows:
    """What of a batch is not calculated with the merged weights alone: the rows `more` (None for all of them) get as
    much more of ΔW as `scales` say, and the rows `own` are calculated with the layer's own weights."""

    more: Tensor | None
    scales: Tensor
    own: Tensor


class _Scales:
    """One block's scales: one for each sample, and the one that is merged: that of most samples; among as many 0, which
    needs no merging, then that of the first. What was merged before plays no part: it would decide a picture's last
    bits."""

    def __init__(self, samples: tuple[float, ...]) -> None:
        self.samples = samples
        counts = Counter(samples)
        self.merged = max(counts, key=lambda scale: (counts[scale], scale == 0), default=0.0)
        self._rows: dict[tuple[object, ...], _Rows] = {}

    def differs(self, merged: float) -> bool:
        """Whether any sample needs something else than what is merged."""
        return any(scale != merged for scale in self.samples)

    def rows(self, merged: float, count: int, like: Tensor, *, apart: bool) -> _Rows:
        """A batch's rows, where `like` is: moved there once per batch instead of once per layer. Where the own weights
        cannot be had `apart`, rows of weight 0 get −1 × what is merged. RuntimeError if `count` is not k times the
        samples."""
        key = (merged, count, like.device, like.dtype, apart)
        if key not in self._rows:
            if count % len(self.samples):
                raise RuntimeError(f"A batch of {count} rows came for {len(self.samples)} samples' block weights.")
            scales = self.samples * (count // len(self.samples))
            own = [row for row, scale in enumerate(scales) if scale == 0 != merged and apart]
            more = [row for row, scale in enumerate(scales) if scale != merged and row not in own]
            if len(more) > _MOST * count and not own:
                more = list(range(count))
            self._rows[key] = _Rows(
                None if len(more) == count else torch.tensor(more, device=like.device, dtype=torch.long),
                torch.tensor([scales[row] - merged for row in more], device=like.device, dtype=like.dtype),
                torch.tensor(own, device=like.device, dtype=torch.long),
            )
        return self._rows[key]


class _Attached:
    """One module's change on its layer."""

    def __init__(self, layer: nn.Module, delta: Delta) -> None:
        self.layer, self.delta = layer, delta
        self._scales = _Scales(())
        self._merged = 0.0
        self._room = True
        self._before: RemovableHandle | None = None
        self._after: RemovableHandle | None = None

    def prepare(self, scales: _Scales) -> None:
        """Have the coming batches calculated with these scales. Nothing is merged before the layer runs: encoding a
        text leaves a UNet alone. A layer that is ready, and whose samples do not differ, has no hook."""
        self._scales = scales
        if self._before is None and self._wanted != self._merged:
            self._before = self.layer.register_forward_pre_hook(self._merge)
        self._hook(needed=scales.differs(self._wanted))

    def detach(self) -> None:
        """Leave the layer as it was."""
        for handle in (self._before, self._after):
            if handle is not None:
                handle.remove()
        self._before = self._after = None
        take_off(self.layer, [self.delta])

    @property
    def _wanted(self) -> float:
        return self._scales.merged if self._room else 0.0

    def _hook(self, *, needed: bool) -> None:
        if needed and self._after is None:
            self._after = self.layer.register_forward_hook(self._add)
        elif not needed and self._after is not None:
            self._after.remove()
            self._after = None

    def _merge(self, layer: nn.Module, _inputs: Any) -> None:
        assert self._before is not None
        self._before.remove()
        self._before = None
        # So it is if the merging is broken off.
        before, self._merged = self._merged, 0.0
        try:
            if self._wanted != before:
                merge(layer, self.delta, self._wanted)
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            # There is no memory for a copy: then everything is calculated beside.
            self._room = False
            self._hook(needed=self._scales.differs(0.0))
        self._merged = self._wanted

    def _add(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        taken = inputs[0]
        own = unmerged(layer, self.delta)
        rows = self._scales.rows(self._merged, len(output), output, apart=own is not None)
        if len(rows.own) and own is not None:
            output.index_copy_(0, rows.own, applied(layer, taken[rows.own], *own).to(output.dtype))
        if rows.more is None:
            return output.add_(self.delta.times(layer, taken, rows.scales))
        if len(rows.more):
            change = self.delta.times(layer, taken[rows.more], rows.scales)
            output.index_add_(0, rows.more, change.expand(len(rows.more), *output.shape[1:]))
        return output


def block_scale(variant: Variant, block: str, strength: float) -> float:
    """strength × block weight: what multiplies the ΔW of a block's modules; 0 without the LoRA."""
    return 0.0 if variant.weights is None else strength * variant.weights.weight(block)
