"""A round: the variants around the current weights, named as the tutorial's spreadsheet names them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan.scenes import Variant
from blockweight.weights import BlockWeights, format_weight, step_weight, unknown_block

SERIES: dict[str, tuple[str, ...]] = {
    "Sub": ("Sub",),
    "SubAdd": ("Sub", "Add"),
    "Add": ("Add",),
    "AddSub": ("Add", "Sub"),
}
"""Kind of round → its series in order; each begins with its own base line."""

_SIGN = {"Sub": -1.0, "Add": 1.0}


@dataclass(frozen=True)
class RoundVariant:
    """One variant of a round, called by its weights' name: the block that was moved and to what, or the series' base
    line (`block` None)."""

    weights: BlockWeights
    block: str | None = None
    value: float = 0.0

    @property
    def variant(self) -> Variant:
        """What to render."""
        return Variant(self.weights.name, self.weights)


@dataclass(frozen=True)
class Round:
    """The variants planned from `weights`: every block that is not fixed, moved by `step`."""

    kind: str
    weights: BlockWeights
    fixed: tuple[str, ...]
    step: float
    variants: tuple[RoundVariant, ...]

    def presets(self) -> list[str]:
        """Lines for LoRA Block Weight's "Weights setting": `Sub:…`, `SubIN01_0:…`, …"""
        return [planned.weights.text() for planned in self.variants]

    def prompt_sr(self) -> str:
        """The line for the WebUI's "Prompt S/R": `Sub, SubIN01_0, …`"""
        return ", ".join(planned.weights.name for planned in self.variants)


def plan_round(
    kind: str,
    weights: BlockWeights,
    fixed: Collection[str],
    step: float,
    limits: tuple[float, float] | None = None,
) -> Round:
    """Plan a round: for each series its base line, then one variant per unfixed block with that block moved.

    Names carry the resulting value, `SubIN01_0`. With `limits` (low, high) no block is moved beyond them, and one that
    would not move at all has no variant. BlockweightError for an unknown kind, a step that is not positive or moves
    nothing, limits of which the first is not below the second, and a fixed block that the layout lacks.
    """
    series = next((series for name, series in SERIES.items() if name.lower() == kind.lower().replace("_", "")), None)
    if series is None:
        raise BlockweightError(f"There is no round {quoted(kind)}; use one of: {', '.join(SERIES)}.")
    if not 0 < step < math.inf:
        raise BlockweightError(f"The step of a round must be a number above 0, not {step}.")
    for block in fixed:
        if block not in weights.layout.blocks:
            raise unknown_block(block, weights.layout)
    if limits is not None and not limits[0] < limits[1]:
        raise BlockweightError(f"The limits {limits[0]:g} and {limits[1]:g} leave no room; give the lower one first.")
    variants = []
    for name in series:
        variants.append(RoundVariant(weights.with_weights({}, name)))
        for block in weights.layout.blocks:
            value = None if block in fixed else _moved(weights.weight(block), _SIGN[name] * step, block, limits)
            if value is not None:
                label = f"{name}{block}_{format_weight(value)}"
                variants.append(RoundVariant(weights.with_weights({block: value}, label), block, value))
    ordered_fixed = tuple(block for block in weights.layout.blocks if block in fixed)
    return Round("".join(series), weights, ordered_fixed, step, tuple(variants))


def _moved(now: float, change: float, block: str, limits: tuple[float, float] | None) -> float | None:
    """The weight after the change, None if the limits leave it where it is."""
    value = step_weight(now, change)
    if value == now:
        step = format_weight(abs(change))
        raise BlockweightError(f"The step {step} is too small to move {block}; give a larger one.")
    if limits is None:
        return value
    # A weight that lies beyond the limits already may come back, but not go further.
    held = min(max(value, min(limits[0], now)), max(limits[1], now))
    return None if held == now else held
