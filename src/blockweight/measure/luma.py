"""A picture without its colours: what structure and layout are measured on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.pictures import Picture

_WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue in Y', ITU-R BT.601: what SSIM is reckoned on by those who defined it."""


def luma(picture: Picture) -> NDArray[np.float64]:
    """Y' of every pixel, (H, W), 0…255 levels; a grey keeps its value."""
    grey: NDArray[np.float64] = picture @ _WEIGHTS
    return grey
