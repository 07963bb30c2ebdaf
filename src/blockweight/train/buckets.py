"""Buckets: the sizes that pictures are brought to, so that those of a batch have one size.

The rule is sd-scripts' (`library/model_util.py`, `library/train_util.py` at 48d368fa): sizes of about the resolution's
area whose sides are multiples of a step; a picture goes to the one with the nearest aspect ratio, is scaled to cover
it, and loses what sticks out, on both sides alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from blockweight.errors import BlockweightError

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Buckets:
    """How pictures are brought to sizes. `resolution` is the side of a square with the area that is trained on; sides
    are multiples of `step`, from `least` to `most`. Not `several`: the square alone. With `no_upscale` a picture is
    never enlarged: it is scaled down to the area, if it is larger, and its sides are cut to multiples of the step."""

    resolution: int
    step: int = 64
    least: int = 256
    most: int = 1024
    several: bool = True
    no_upscale: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.step <= self.resolution or self.resolution % self.step:
            raise BlockweightError(
                f"The resolution {self.resolution} is no multiple of the bucket step {self.step}; give sizes such as "
                "512 and 64."
            )
        if self.several and not 1 <= self.least <= self.resolution <= self.most:
            raise BlockweightError(
                f"The buckets' sides go from {self.least} to {self.most}, which does not hold the resolution "
                f"{self.resolution}; change --bucket-min or --bucket-max."
            )

    def sizes(self) -> tuple[Size, ...]:
        """The buckets, in order.

        >>> Buckets(256, least=128, most=512).sizes()
        ((128, 384), (128, 448), (128, 512), (192, 320), (256, 256), (320, 192), (384, 128), (448, 128), (512, 128))
        """
        found = {(self.resolution, self.resolution)}
        least = math.ceil(self.least / self.step) * self.step
        for width in range(least, self.most + 1, self.step) if self.several else ():
            height = min(self.most, self.resolution**2 // width) // self.step * self.step
            if height >= self.least:
                found |= {(width, height), (height, width)}
        return tuple(sorted(found))

    def fit(self, size: Size) -> Fit:
        """Where a picture of this size goes. BlockweightError for one that is too small for `no_upscale`."""
        width, height = size
        if self.several and self.no_upscale:
            return self._reduced(size)
        wanted = width / height
        bucket = size if size in self.sizes() else min(self.sizes(), key=lambda each: abs(each[0] / each[1] - wanted))
        scale = max(bucket[0] / width, bucket[1] / height)
        return Fit(bucket, (max(bucket[0], _near(width * scale)), max(bucket[1], _near(height * scale))))

    def _reduced(self, size: Size) -> Fit:
        scale = min(1.0, math.sqrt(self.resolution**2 / (size[0] * size[1])))
        scaled = (_near(size[0] * scale), _near(size[1] * scale))
        bucket = (scaled[0] // self.step * self.step, scaled[1] // self.step * self.step)
        if not all(bucket):
            raise BlockweightError(
                f"A picture of {size[0]}×{size[1]} pixels has a side below the bucket step {self.step}; enlarge it, or "
                "leave out --bucket-no-upscale."
            )
        return Fit(bucket, scaled)


@dataclass(frozen=True)
class Fit:
    """The size that a picture is trained in, and the one that it is scaled to before its middle is cut out, which is
    nowhere smaller."""

    bucket: Size
    scaled: Size

    @property
    def corner(self) -> Size:
        """The left upper corner of what is cut out."""
        return (self.scaled[0] - self.bucket[0]) // 2, (self.scaled[1] - self.bucket[1]) // 2


def _near(length: float) -> int:
    return int(length + 0.5)
