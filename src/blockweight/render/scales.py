"""How large a block weight can be, whatever draws with it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights

MOST_SCALE = 65504
"""The largest number of half precision: no layer can be told more."""


def check_scales(label: str, weights: BlockWeights, blocks: Iterable[str], strength: float) -> None:
    """Refuse a strength that is no number, and one that makes the weight of one of these blocks larger than MOST_SCALE;
    `label` is what the weights are called."""
    if not math.isfinite(strength):
        raise BlockweightError(f"The strength must be a finite number, not {strength}.")
    scale, block = max(((abs(strength * weights.weight(block)), block) for block in blocks), default=(0.0, ""))
    if scale > MOST_SCALE:
        raise BlockweightError(
            f"The weight of {block} times the strength is {scale:.3g} in '{label}', and no layer can be told more than "
            f"{MOST_SCALE}; lower one of them."
        )
