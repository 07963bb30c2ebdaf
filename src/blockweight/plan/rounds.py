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


def plan_round(kind: str, weights: BlockWeights, fixed: Collection[str], step: float) -> Round:
    """Plan a round: for each series its base line, then one variant per unfixed block with that block moved.

    Names carry the resulting value, `SubIN01_0`. BlockweightError for an unknown kind, a step that is not positive or
    moves nothing, a fixed block that the layout lacks, or when every block is fixed.
    """
    series = next((series for name, series in SERIES.items() if name.lower() == kind.lower().replace("_", "")), None)
    if series is None:
        raise BlockweightError(f"There is no round {quoted(kind)}; use one of: {', '.join(SERIES)}.")
    if not 0 < step < math.inf:
        raise BlockweightError(f"The step of a round must be a number above 0, not {step}.")
    for block in fixed:
        if block not in weights.layout.blocks:
            raise unknown_block(block, weights.layout)
    free = [block for block in weights.layout.blocks if block not in fixed]
    if not free:
        raise BlockweightError("Every block is fixed, so the round would be empty; leave at least one block unfixed.")
    variants = []
    for name in series:
        variants.append(RoundVariant(weights.with_weights({}, name)))
        for block in free:
            value = step_weight(weights.weight(block), _SIGN[name] * step)
            if value == weights.weight(block):
                raise BlockweightError(
                    f"The step {format_weight(step)} is too small to move {block}; give a larger one."
                )
            label = f"{name}{block}_{format_weight(value)}"
            variants.append(RoundVariant(weights.with_weights({block: value}, label), block, value))
    ordered_fixed = tuple(block for block in weights.layout.blocks if block in fixed)
    return Round("".join(series), weights, ordered_fixed, step, tuple(variants))
