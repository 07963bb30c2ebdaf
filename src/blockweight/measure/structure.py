"""How far apart two pictures are in what they draw, whatever its colours: SSIM and edges, both on luma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.luma import luma
from blockweight.measure.pictures import Picture, absolute_difference

SSIM_WINDOW = 11
"""Pixels a side of the window that SSIM compares: a Gaussian of σ = 1.5, cut at 3.5 σ."""


def structure_differences(picture: Picture, source: Picture) -> NDArray[np.float64]:
    """1 − SSIM around every pixel, (H, W): 0 for equal surroundings, 1 for unrelated ones, up to 2 for a negative.

    The window reaches five pixels, so what changes just outside a mask is felt inside it. The border is mirrored, and
    the mean over all pixels takes it in, so that inside and outside add up to the whole; scikit-image's own mean leaves
    five pixels at every side out.
    Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment" (2004), with its window and constants.
    BlockweightError when the sizes differ, or a side is shorter than SSIM_WINDOW.
    """
    absolute_difference(picture, source)  # refuses other sizes
    height, width = picture.shape[:2]
    if min(height, width) < SSIM_WINDOW:
        raise BlockweightError(
            f"The pictures have {width}×{height} pixels, and structure is compared in windows of "
            f"{SSIM_WINDOW}×{SSIM_WINDOW}; render larger ones, or leave this aspect out."
        )
    from skimage.metrics import structural_similarity  # noqa: PLC0415 - takes half a second

    similarity: NDArray[np.float64]
    _, similarity = structural_similarity(
        luma(picture),
        luma(source),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    # Rounding may leave a hair more than 1 where the pictures are equal.
    return np.maximum(1 - similarity, 0)


def edge_differences(picture: Picture, source: Picture) -> NDArray[np.float64]:
    """|gradient of picture| − |gradient of source| without its sign, (H, W), 0…255 levels: edges that came or went.

    The gradient is Sobel's, scaled as in scikit-image, where no picture has more than 255. A moved edge counts twice,
    where it was and where it is; one that changes from dark-light to light-dark does not count. One pixel around a
    mask's edge is felt inside it. BlockweightError when the sizes differ.
    """
    absolute_difference(picture, source)  # refuses other sizes
    from skimage.filters import sobel  # noqa: PLC0415 - takes half a second

    found: NDArray[np.float64] = np.abs(sobel(luma(picture)) - sobel(luma(source)))
    return found
