"""One layer with all that LoRAs change of it.

Of each LoRA, the scale that most samples share is merged into a copy of the layer's weights, and the others get the
difference:

    output = (W + Σ m · ΔW) x + Σ (scale[sample] − m) · ΔW x

over the LoRAs on the layer. A sample in which one of them has the scale 0, while it is merged, is calculated with the
layer's own weights and the others beside: no LoRA, however broken, reaches a picture that has none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from blockweight.render.local.deltas import Delta
from blockweight.render.local.layers import applied
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.local.merging import Addition, merge, own_parts, take_off

_MOST = 0.75
"""The share of a batch's rows beyond which all of them are calculated: picking rows out copies them."""


class Scales:
    """What multiplies the ΔW of one block's modules, of one LoRA: a number for each sample, and the one that is merged:
    that of most samples; among as many 0, which needs no merging, then that of the first. What was merged before plays
    no part, nor when a LoRA came onto the model (they are added up by `rank`): both would decide a picture's last bits.

    With `beside` nothing is merged.
    """

    def __init__(self, samples: tuple[float, ...], rank: int = 0, *, beside: bool = False) -> None:
        self.samples, self.rank, self.beside = samples, rank, beside
        counts = Counter(samples)
        most = max(counts, key=lambda scale: (counts[scale], scale == 0), default=0.0)
        self.merged = 0.0 if beside else most
        self._alike = len(counts) < 2
        self.rows: dict[tuple[object, ...], _Rows] = {}

    def equals(self, other: Scales) -> bool:
        """Whether both have the same done."""
        return (self.samples, self.rank, self.beside) == (other.samples, other.rank, other.beside)

    def differs(self, merged: float) -> bool:
        """Whether any sample needs something else than what is merged."""
        return bool(self.samples) and not (self._alike and self.samples[0] == merged)

    def of_rows(self, count: int) -> tuple[float, ...]:
        """The scale of each of `count` rows. RuntimeError if that is not k times the samples."""
        if count % len(self.samples):
            raise RuntimeError(f"A batch of {count} rows came for {len(self.samples)} samples' block weights.")
        return self.samples * (count // len(self.samples))


@dataclass(frozen=True)
class _More:
    """The `rows` (None for all of them) that get as much more of a ΔW as `scales` say."""

    rows: Tensor | None
    scales: Tensor


@dataclass(frozen=True)
class _Rows:
    """What of a batch is not calculated with the merged weights alone: the rows `own` are calculated with the layer's
    own weights, and then each of the changes is added to some."""

    own: Tensor
    more: tuple[_More, ...]


@dataclass(frozen=True)
class _Share:
    """One LoRA's part in a layer: its scales, and what of it is merged."""

    delta: Delta
    scales: Scales
    merged: float


class LiveLayer:
    """What LoRAs change of one layer, and how much for every sample. It does not hold the layer."""

    def __init__(self) -> None:
        self._scales: dict[Delta, Scales] = {}
        self._merged: dict[Addition, float] = {}
        self._room = True
        self._before: RemovableHandle | None = None
        self._after: RemovableHandle | None = None

    def prepare(self, layer: nn.Module, delta: Delta, scales: Scales) -> None:
        """Have the coming batches calculated with these scales of a change. Nothing is merged before the layer runs:
        encoding a text leaves a UNet alone. A layer that is ready, and whose samples do not differ, has no hook."""
        self._scales[delta] = scales
        if len(self._scales) > 1:
            self._scales = dict(sorted(self._scales.items(), key=lambda item: item[1].rank))
        self._settle(layer)

    def remove(self, layer: nn.Module, delta: Delta) -> bool:
        """Forget a change; whether it was the last, and the layer is as it was."""
        self._scales.pop(delta, None)
        if delta in self._merged:
            self._merged = {}
            merge(layer, {})
        if self._scales:
            self._settle(layer)
            return False
        for handle in (self._before, self._after):
            if handle is not None:
                handle.remove()
        take_off(layer)
        return True

    def _settle(self, layer: nn.Module) -> None:
        wanted = self._wanted()
        if self._before is None and list(wanted.items()) != list(self._merged.items()):
            self._before = layer.register_forward_pre_hook(self._merge)
        self._hook(layer, wanted)

    def _wanted(self) -> dict[Addition, float]:
        if not self._room:
            return {}
        return {delta: scales.merged for delta, scales in self._scales.items() if scales.merged}

    def _hook(self, layer: nn.Module, merged: dict[Addition, float]) -> None:
        """Calculate beside what is not merged, if there is anything."""
        needed = any(scales.differs(merged.get(delta, 0.0)) for delta, scales in self._scales.items())
        if needed and self._after is None:
            self._after = layer.register_forward_hook(self._add)
        elif not needed and self._after is not None:
            self._after.remove()
            self._after = None

    def _merge(self, layer: nn.Module, _inputs: Any) -> None:
        wanted = self._wanted()
        if list(wanted.items()) != list(self._merged.items()):
            # So it is if the merging is broken off; the hook then stays, and tries again.
            self._merged = {}
            try:
                merge(layer, wanted)
                self._merged = wanted
            except (RuntimeError, MemoryError) as error:
                if not ran_out_of_memory(error):
                    raise
                # There is no memory for a copy: then everything is calculated beside.
                self._room = False
                self._hook(layer, {})
        assert self._before is not None
        self._before.remove()
        self._before = None

    def _add(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        taken = inputs[0]
        shares = [
            _Share(delta, scales, self._merged.get(delta, 0.0))
            for delta, scales in self._scales.items()
            if any(scales.samples)
        ]
        rows = _rows_of(shares, len(output), output)
        if len(rows.own):
            own = applied(layer, taken[rows.own], *own_parts(layer))
            output.index_copy_(0, rows.own, own.to(output.dtype))
        for share, more in zip(shares, rows.more, strict=True):
            if more.rows is None:
                output.add_(share.delta.times(layer, taken, more.scales))
            elif len(more.rows):
                change = share.delta.times(layer, taken[more.rows], more.scales)
                output.index_add_(0, more.rows, change.expand(len(more.rows), *output.shape[1:]))
        return output


def _rows_of(shares: Sequence[_Share], count: int, like: Tensor) -> _Rows:
    """A batch's rows, where `like` is: moved there once per batch instead of once per layer."""
    first, *others = (share.scales for share in shares)
    key = (*others, *(share.merged for share in shares), count, like.device, like.dtype)
    if key not in first.rows:
        scales = [share.scales.of_rows(count) for share in shares]
        merged = [share.merged for share in shares]
        columns = list(zip(*scales, strict=True))
        own = [row for row, here in enumerate(columns) if any(s == 0 != m for s, m in zip(here, merged, strict=True))]
        apart = set(own)
        parts = []
        for mine, there in zip(scales, merged, strict=True):
            left = [scale - (0.0 if row in apart else there) for row, scale in enumerate(mine)]
            more = [row for row, scale in enumerate(left) if scale]
            if len(more) > _MOST * count and not own:
                more = list(range(count))
            chosen = None if len(more) == count else torch.tensor(more, device=like.device, dtype=torch.long)
            parts.append(_More(chosen, torch.tensor([left[row] for row in more], device=like.device, dtype=like.dtype)))
        first.rows[key] = _Rows(torch.tensor(own, device=like.device, dtype=torch.long), tuple(parts))
    return first.rows[key]


_LAYERS: WeakKeyDictionary[nn.Module, LiveLayer] = WeakKeyDictionary()


def prepare(layer: nn.Module, delta: Delta, scales: Scales) -> None:
    """As `LiveLayer.prepare`, of whatever else is on the layer."""
    here = _LAYERS.get(layer)
    if here is None:
        here = _LAYERS[layer] = LiveLayer()
    here.prepare(layer, delta, scales)


def remove(layer: nn.Module, delta: Delta) -> None:
    """Take a change off its layer."""
    here = _LAYERS.get(layer)
    if here is not None and here.remove(layer, delta):
        del _LAYERS[layer]
