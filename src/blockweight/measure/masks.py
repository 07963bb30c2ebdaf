"""Masks made from a picture's colours, and from other masks. A mask is bool (H, W), True inside."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError, quoted
from blockweight.measure.colour import colour_distance
from blockweight.measure.pictures import Mask, Picture

COMBINATIONS = ("union", "intersect", "difference")
"""Inside either of two masks, inside both, inside the first but not the second."""

LEAST_SATURATION = 0.15
"""Below this saturation (0…1, HSV) a colour reads as grey or white, whatever its hue."""

LEAST_VALUE = 0.15
"""Below this value (0…1, HSV) a colour reads as black."""

_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})", re.ASCII)


def parse_colour(text: str) -> NDArray[np.uint8]:
    """`#4a8f3c`, `4a8f3c` or `#4a8` → sRGB, uint8 (3,). BlockweightError for anything else."""
    found = _HEX.fullmatch(text.strip())
    if found is None:
        raise BlockweightError(f"{quoted(text)} is no colour; write its red, green and blue as in #4a8f3c.")
    digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
    return np.frombuffer(bytes.fromhex(digits), np.uint8)


def mask_of_colour(picture: Picture, colour: NDArray[np.uint8], tolerance: float) -> Mask:
    """The pixels whose colour is within `tolerance` of `colour`, in ΔE (CIEDE2000): (H, W). About 10 takes a colour in
    one light, 20 its shades too. BlockweightError unless the tolerance is a finite number of at least 0."""
    if not 0 <= tolerance < np.inf:
        raise BlockweightError(f"The tolerance must be 0 ΔE or more, not {tolerance:g}; 20 takes a colour's shades.")
    # A drawing has few colours, and the formula takes long.
    colours, places = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    near: Mask = colour_distance(colours, np.broadcast_to(colour, colours.shape)) <= tolerance
    return near[places].reshape(picture.shape[:2])


def mask_of_hues(picture: Picture, low: float, high: float) -> Mask:
    """The pixels whose HSV hue lies from `low` to `high` degrees, through 0 if `low` is larger (340 to 20 is red), and
    that are neither too grey (LEAST_SATURATION) nor too dark (LEAST_VALUE): (H, W). BlockweightError unless both are
    0…360."""
    if not (0 <= low <= 360 and 0 <= high <= 360):
        raise BlockweightError(f"Hues are 0 to 360 degrees, not {low:g} to {high:g}; green is about 80 to 170.")
    channels = picture.astype(np.float64)
    value, chroma = channels.max(axis=2), np.ptp(channels, axis=2)
    red, green, blue = np.moveaxis(channels, 2, 0)
    steps = np.where(chroma > 0, chroma, 1)
    sector = np.select(
        [red == value, green == value],
        [(green - blue) / steps % 6, 2 + (blue - red) / steps],
        4 + (red - green) / steps,
    )
    hue = 60 * sector
    between = (hue >= low) & (hue <= high) if low <= high else (hue >= low) | (hue <= high)
    mask: Mask = between & (chroma > 0) & (chroma >= LEAST_SATURATION * value) & (value >= LEAST_VALUE * 255)
    return mask


def grown_mask(mask: Mask, pixels: float) -> Mask:
    """The mask with its border moved outwards by so many pixels (inwards below 0), round at corners. What is beyond the
    picture counts as outside when it grows, and as inside when it shrinks, so the picture's border stays."""
    if not np.isfinite(pixels):
        raise BlockweightError(f"A mask grows by a number of pixels, not {pixels:g}; below 0 it shrinks.")
    if pixels == 0 or mask.all() or not mask.any():
        return mask
    from scipy.ndimage import distance_transform_edt  # type: ignore[import-untyped]  # noqa: PLC0415 - takes long

    grown: Mask = distance_transform_edt(~mask) <= pixels if pixels > 0 else distance_transform_edt(mask) > -pixels
    return grown


def combined_mask(one: Mask, other: Mask, how: str) -> Mask:
    """Two masks of one size made one, in a way of COMBINATIONS. BlockweightError for another way, and other sizes."""
    if how not in COMBINATIONS:
        raise BlockweightError(f"Masks are not combined by {quoted(how)}; there are {', '.join(COMBINATIONS)}.")
    if one.shape != other.shape:
        sizes = [f"{mask.shape[1]}×{mask.shape[0]}" for mask in (one, other)]
        raise BlockweightError(f"The masks have {sizes[0]} and {sizes[1]} pixels; give two of the same size.")
    return {"union": one | other, "intersect": one & other, "difference": one & ~other}[how]
