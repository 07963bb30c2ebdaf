"""How far apart two pictures' colours are, as a person sees them: CIEDE2000.

CIEDE2000 and not the straight line through CIELAB (ΔE 1976), because that one calls blues and vivid colours two to
four times as far apart as people do, and a LoRA that tints skin would look weaker than one that tints a blue sky.

Source of the formula: Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula" (2005); scikit-image reckons it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.pictures import Picture, absolute_difference


def lab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB (…, 3) in CIELAB under D65, 2° observer: L* 0…100, a* and b* about −110…110."""
    from skimage.color import rgb2lab  # noqa: PLC0415 - takes half a second

    found: NDArray[np.float64] = rgb2lab(colours.astype(np.float64) / 255)
    return found


def colour_distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIEDE2000 of sRGB colours, (…, 3) each or one of them (3,): (…,) ≥ 0 in ΔE, 100 from black to white. About 1 is
    what can just be seen side by side; 10 is another tone of the colour, 30 and more another colour."""
    from skimage.color import deltaE_ciede2000  # noqa: PLC0415 - takes half a second

    found: NDArray[np.float64] = deltaE_ciede2000(lab(one), lab(other))
    return found


def colour_differences(picture: Picture, source: Picture) -> NDArray[np.float64]:
    """CIEDE2000 of every pixel, (H, W), ≥ 0 in ΔE. BlockweightError when the sizes differ."""
    changed = absolute_difference(picture, source).any(axis=2)
    found = np.zeros(changed.shape)
    # The formula takes long, and pixels that did not change need none.
    if changed.any():
        found[changed] = colour_distance(picture[changed], source[changed])
    return found
