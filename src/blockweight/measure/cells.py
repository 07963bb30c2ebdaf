"""Cells that cut a picture evenly, such as a latent's or a picture model's patches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.pictures import Mask

Floats = NDArray[np.float64]


def mask_cells(mask: Mask, size: tuple[int, ...]) -> Floats:
    """The share of each cell that lies under a mask (H, W), 0 to 1, for cells that cut the picture evenly: `size` is
    (h, w)."""
    rows, columns = (_overlaps(length, cells) for length, cells in zip(mask.shape, size, strict=True))
    share: Floats = rows @ mask.astype(np.float64) @ columns.T
    return share


def _overlaps(length: int, cells: int) -> Floats:
    """The share of each cell that each pixel takes, (cells, length)."""
    edges = np.linspace(0, length, cells + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(length)
    covered: Floats = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None) * cells / length
    return covered
