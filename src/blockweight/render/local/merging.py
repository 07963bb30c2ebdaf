"""Weights with LoRAs merged in, beside a layer's own, which are never written to.

A layer's `weight` is exchanged for a copy, W + Σ scale · ΔW over the LoRAs on it, and its own comes back when nothing
is merged. A copy takes as much memory as the layer's weight, and stays until the last LoRA is taken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_PARTS = ("weight", "bias")


class Addition(Protocol):
    """What can be merged into a layer. Compared by identity."""

    def whole(self) -> tuple[Tensor | None, Tensor | None]:
        """ΔW and Δb in the shapes of the layer's weight and bias; None for what it leaves alone."""
        ...


class _Layer:
    """A layer's own weight and bias, the copies, and what is merged into them."""

    def __init__(self, layer: nn.Module) -> None:
        self.own: tuple[nn.Parameter | None, ...] = tuple(getattr(layer, part, None) for part in _PARTS)
        self._held: list[tuple[Addition, float]] = []
        self._copies: list[nn.Parameter | None] = [None, None]
        self._changed = [False, False]

    def show(self, layer: nn.Module, wanted: Mapping[Addition, float]) -> None:
        """Give the layer the weights that are wanted."""
        # Their order is the order of the sum, which its last bits follow from.
        if wanted and list(wanted.items()) != self._held:
            self._merge(wanted)
        for number, part in enumerate(_PARTS):
            now = self._copies[number] if wanted and self._changed[number] else self.own[number]
            if getattr(layer, part, None) is not now:
                setattr(layer, part, now)

    def _merge(self, wanted: Mapping[Addition, float]) -> None:
        self._held, self._changed = [], [False, False]
        # Pictures are drawn in inference mode, and what is made there may not be written to elsewhere.
        with torch.inference_mode(mode=False), torch.no_grad():
            for addition, scale in wanted.items():
                for number, change in enumerate(addition.whole()):
                    if change is not None:
                        self._add(number, change, scale)
        self._held = list(wanted.items())

    def _add(self, number: int, change: Tensor, scale: float) -> None:
        copy, own = self._copies[number], self.own[number]
        if copy is None:
            copy = nn.Parameter(torch.empty_like(change if own is None else own), requires_grad=False)
            self._copies[number] = copy
        if self._changed[number]:
            copy.add_(change, alpha=scale)
        elif own is None:
            torch.mul(change, scale, out=copy)
        else:
            torch.add(own, change, alpha=scale, out=copy)
        self._changed[number] = True


_LAYERS: WeakKeyDictionary[nn.Module, _Layer] = WeakKeyDictionary()


def own_weight(layer: nn.Module) -> Tensor:
    """The layer's weight without any LoRA."""
    return own_parts(layer)[0]


def own_parts(layer: nn.Module) -> tuple[Tensor, Tensor | None]:
    """The layer's weight and bias without any LoRA."""
    found = _LAYERS.get(layer)
    weight, bias = (layer.weight, getattr(layer, "bias", None)) if found is None else found.own
    assert isinstance(weight, Tensor)
    assert bias is None or isinstance(bias, Tensor)
    return weight, bias


def merge(layer: nn.Module, wanted: Mapping[Addition, float]) -> None:
    """Let the layer calculate with Σ scale · addition in its weights, instead of what was merged before.

    Whatever breaks it off, nothing is merged then: torch's error if there is no memory for the copy
    (`ran_out_of_memory`), or a KeyboardInterrupt.
    """
    here = _LAYERS.get(layer)
    if here is None:
        if not wanted:
            return
        here = _LAYERS[layer] = _Layer(layer)
    try:
        here.show(layer, wanted)
    except BaseException:
        here.show(layer, {})
        raise


def take_off(layer: nn.Module) -> None:
    """Give the layer its own weights for good, and forget the copies."""
    if (here := _LAYERS.pop(layer, None)) is not None:
        here.show(layer, {})
