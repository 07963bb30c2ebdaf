"""Which sizes a model draws."""

from __future__ import annotations

from blockweight.errors import BlockweightError


def check_sides(width: int, height: int, step: int) -> None:
    """Refuse a picture whose sides, in pixels, are not both multiples of `step`: the model halves them as often as its
    autoencoder and its denoiser have levels. The BlockweightError names the nearest size that can be drawn."""
    near = [max(step, (side + step // 2) // step * step) for side in (width, height)]
    if near != [width, height]:
        raise BlockweightError(
            f"A picture of {width}×{height} pixels cannot be drawn by this model; width and height must be multiples "
            f"of {step}: the nearest size is {near[0]}x{near[1]}."
        )
