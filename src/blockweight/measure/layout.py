"""How far apart two pictures are in where their light and dark masses lie: low frequencies of luma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.luma import luma
from blockweight.measure.pictures import Mask, Picture, absolute_difference, check_mask

CELLS = 8
"""Cells along the shorter side; along the longer one as many of about that size as fit."""


def layout_difference(picture: Picture, source: Picture, mask: Mask | None = None) -> float:
    """The mean, over cells an eighth of the shorter side wide, of |mean luma of picture − mean luma of source|, 0…255
    levels.

    Details and edges that move within a cell leave it at 0. Under a mask each cell's means are those of its masked
    pixels, and it counts by their number, so nothing outside is felt. BlockweightError when sizes differ or the mask is
    empty.
    """
    absolute_difference(picture, source)  # refuses other sizes
    moved = luma(picture) - luma(source)
    if mask is not None:
        check_mask(picture, mask)
    weights = np.ones(moved.shape) if mask is None else mask.astype(np.float64)
    # Within a cell, |Σ difference| is the pixel count times the difference of the means.
    return float(np.abs(_sums(moved * weights)).sum() / weights.sum())


def _sums(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """The field added up in each cell."""
    shorter = min(field.shape)
    for axis, size in enumerate(field.shape):
        count = min(round(CELLS * size / shorter), size)
        field = np.add.reduceat(field, np.arange(count) * size // count, axis=axis)
    return field
