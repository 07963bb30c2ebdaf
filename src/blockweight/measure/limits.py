"""The most that each aspect can be, whatever the pictures: where intervals of its mean end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

MOST: Mapping[str, float] = MappingProxyType(
    {
        "diff": 100.0,
        "change": 255.0,
        "colour": 120.0,
        "structure": 2.0,
        "edges": 255.0,
        "layout": 255.0,
        "embedding": 2.0,
        "features": 4.0,
    }
)
"""By the aspects' names, each in its own unit, of finished pictures."""


def most_of(aspect: str) -> float:
    """The most that an aspect, with or without a region, can be; ∞ for a name that is none, an objective's."""
    return MOST.get(aspect.partition(":")[0], math.inf)
