"""Pure functions on 8-bit pictures: how much two differ, and how green one is.

A picture is uint8 (H, W, 3), sRGB; a mask is bool (H, W), True inside. "Levels" are steps of 8 bits, 0…255.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

DIFF_THRESHOLD = 20
"""LoRA Block Weight's own default for "difference threshold", in levels."""

GREEN_HUES = (80.0, 170.0)
"""Hues in degrees that a person calls green. Pure yellow is 60°, green 120°, cyan 180°: from 80° on a yellow reads as
green, and mint (about 157°) is still green where turquoise (above 170°) is not."""

GREEN_SATURATION = 0.15
"""Below this saturation (0…1, HSV) a colour reads as grey or white, whatever its hue."""

GREEN_VALUE = 0.15
"""Below this value (0…1, HSV) a colour reads as black."""


def absolute_difference(picture: Picture, source: Picture) -> Picture:
    """|picture − source| per channel: uint8 (H, W, 3), levels.

    BlockweightError when the sizes differ.
    """
    _same_size(picture, source)
    return np.maximum(picture, source) - np.minimum(picture, source)


def diff_percent(picture: Picture, source: Picture, threshold: int = DIFF_THRESHOLD) -> float:
    """LoRA Block Weight's "Diff %": the share of channel values that differ by more than `threshold` levels, 0…100.

    Strictly more; every channel of every pixel counts by itself, so 100 % is H×W×3 values; rounded to 3 decimals.
    Source: the Effective Block Analyzer in `lora_block_weight.py` (hako-mikan/sd-webui-lora-block-weight).
    BlockweightError when the sizes differ.
    """
    difference = absolute_difference(picture, source)
    return round(100 * int(np.count_nonzero(difference > threshold)) / difference.size, 3)


def mean_difference(picture: Picture, source: Picture, mask: Mask | None = None) -> float:
    """The mean of |picture − source| over the channels of the masked pixels (all pixels without a mask), 0…255 levels.

    BlockweightError when sizes differ or the mask is empty.
    """
    difference = absolute_difference(picture, source)
    return float(difference.mean() if mask is None else _masked(difference, mask).mean())


def share_of_change(picture: Picture, start: Picture, end: Picture, mask: Mask) -> float:
    """How far `picture` has gone on the way from `start` to `end` under the mask: 0 like `start`, 1 like `end`, below 0
    away from both, above 1 beyond.

    The projection Σ(p − s)(e − s) / Σ(e − s)² over the channels of the masked pixels, so a pixel counts by how much it
    changes from `start` to `end`. BlockweightError when sizes differ, the mask is empty, or the two ends are equal.
    """
    _same_size(picture, start)
    _same_size(end, start)
    origin = _masked(start, mask).astype(np.float64)
    way = _masked(end, mask) - origin
    length = float(np.square(way).sum())
    if length == 0:
        raise BlockweightError(
            "The two pictures to compare with are equal under the mask, so there is no way between them; use a mask "
            "where they differ."
        )
    return float(((_masked(picture, mask) - origin) * way).sum()) / length


def mask_digest(mask: Mask) -> str:
    """16 hex digits of SHA-256 over a mask's size and pixels."""
    pixels = np.packbits(mask).tobytes()
    return hashlib.sha256(f"{_size(mask)}\n".encode() + pixels).hexdigest()[:16]


def greenness(picture: Picture, mask: Mask) -> float:
    """The mean of G − (R + B) / 2 over the masked pixels, −255…255 levels: 0 for any grey, above 0 for greens.

    BlockweightError when sizes differ or the mask is empty.
    """
    red, green, blue = _masked(picture, mask).astype(np.float64).T
    return float((green - (red + blue) / 2).mean())


def share_of_green(picture: Picture, mask: Mask) -> float:
    """The share, 0…1, of the masked pixels that a person would call green.

    A pixel is green when its HSV hue lies within GREEN_HUES and it is neither too grey (GREEN_SATURATION) nor too
    dark (GREEN_VALUE). Unlike `greenness` it does not grow with the strength of the colour, so a faint tint over all
    clothes and a strong one on a sleeve are told apart.
    BlockweightError when sizes differ or the mask is empty.
    """
    red, green, blue = _masked(picture, mask).astype(np.float64).T
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    vivid = (chroma >= GREEN_SATURATION * value) & (value >= GREEN_VALUE * 255)
    # All hues of GREEN_HUES lie in the third of the circle where green is the largest channel: 120° ± 60°.
    largest = (green == value) & (chroma > 0)
    hue = 120 + 60 * (blue - red) / np.where(chroma > 0, chroma, 1)
    low, high = GREEN_HUES
    return float((vivid & largest & (hue >= low) & (hue <= high)).mean())


def _same_size(picture: Picture, source: Picture) -> None:
    if picture.shape != source.shape:
        raise BlockweightError(
            f"The pictures differ in size ({_size(picture)} and {_size(source)} pixels), so they cannot be compared; "
            "render both with the same width and height."
        )


def check_mask(picture: Picture, mask: Mask) -> None:
    """BlockweightError unless the mask has the picture's size and at least one pixel inside."""
    if picture.shape[:2] != mask.shape:
        raise BlockweightError(
            f"The mask has {_size(mask)} pixels but the picture {_size(picture)}; use a mask of the picture's size."
        )
    if not mask.any():
        raise BlockweightError("The mask is empty, so there is nothing to measure under it; mark at least one pixel.")


def _masked(picture: Picture, mask: Mask) -> Picture:
    """The pixels under the mask: (n, 3), n > 0."""
    check_mask(picture, mask)
    return picture[mask]


def _size(array: Picture | Mask) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"
