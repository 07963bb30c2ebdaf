"""Pictures whose differences are known."""

from __future__ import annotations

import numpy as np

from blockweight.measure import Mask, Picture

SIDE = 32


def plain(*colour: int, height: int = SIDE, width: int = SIDE) -> Picture:
    picture = np.empty((height, width, 3), np.uint8)
    picture[...] = colour
    return picture


def noise(seed: int, height: int = SIDE, width: int = SIDE) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def left_half(height: int = SIDE, width: int = SIDE) -> Mask:
    mask = np.zeros((height, width), dtype=bool)
    mask[:, : width // 2] = True
    return mask
