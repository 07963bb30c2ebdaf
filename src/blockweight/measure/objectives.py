"""What a picture is wanted for, as one number with its derivative: colours, saturation, likeness.

A picture is (H, W, 3), sRGB, 0…255 levels, uint8 or float64; every objective is in levels too. Regions are all of the
picture, the pixels inside a mask, or those outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError, quoted
from blockweight.measure.effect_table import INSIDE, OUTSIDE
from blockweight.measure.pictures import Mask

Levels = NDArray[np.float64]
"""(H, W, 3)."""

LIKENESS, DISTANCE, SATURATION = "likeness", "distance", "saturation"

COLOURS = {
    "red": (1.0, -0.5, -0.5),
    "green": (-0.5, 1.0, -0.5),
    "blue": (-0.5, -0.5, 1.0),
    "light": (0.2126, 0.7152, 0.0722),
}
"""What a level of R, G and B adds. The first three are 0 for any grey, and `green` is `measure.greenness`; `light` is
the luma of ITU-R BT.709."""


class Objective(Protocol):
    """A number that is read off a picture."""

    def value(self, picture: NDArray[Any]) -> float:
        """Of a picture (H, W, 3), in levels. BlockweightError if it is not of the mask's and the reference's size."""
        ...

    def slope(self, picture: NDArray[Any]) -> Levels:
        """∂ value / ∂ picture, (H, W, 3) float64."""
        ...


@dataclass(frozen=True)
class Aim:
    """An objective before it meets a picture: `kind` is LIKENESS, DISTANCE, SATURATION, a name of COLOURS or `#rrggbb`,
    `region` INSIDE, OUTSIDE or empty."""

    kind: str
    region: Literal["", "inside", "outside"] = ""

    @property
    def name(self) -> str:
        """As tables name it: `green:outside`."""
        return f"{self.kind}:{self.region}" if self.region else self.kind

    @property
    def compares(self) -> bool:
        """Whether it needs a reference picture."""
        return self.kind in (LIKENESS, DISTANCE)

    def objective(self, mask: Mask | None = None, reference: NDArray[Any] | None = None) -> Objective:
        """What it means for one scene. `mask`, (H, W), decides the region; `reference`, (H, W, 3), what a picture is
        compared with. BlockweightError if one is needed and missing, or nothing is left to measure."""
        if self.region and mask is None:
            raise BlockweightError(
                f"{quoted(self.name)} needs a mask that says where {self.region} is; give one, or leave out the region."
            )
        where = None if not self.region else mask if self.region == INSIDE else ~_known(mask)
        if where is not None and not where.any():
            raise BlockweightError(
                f"The mask leaves no pixel {self.region}, so {quoted(self.name)} has nothing to measure; change the "
                "mask."
            )
        if self.compares:
            if reference is None:
                raise BlockweightError(
                    f"{quoted(self.name)} needs a picture to compare with; give one, or take another objective."
                )
            return _Compared(reference.astype(np.float64), where, -1.0 if self.kind == LIKENESS else 1.0)
        return _Chroma(where) if self.kind == SATURATION else _Directed(_direction(self.kind), where)


def parse_objectives(text: str) -> tuple[Aim, ...]:
    """`green:outside,likeness:inside` → the aims, each once. BlockweightError for anything else.

    Colours are COLOURS, or `#rrggbb`: away from grey towards that colour, `#00ff00` the same as `green`.
    """
    found = tuple(_aim(part.strip()) for part in text.split(","))
    for number, aim in enumerate(found):
        if aim in found[:number]:
            raise BlockweightError(f"The objective {quoted(aim.name)} is named twice; leave out one.")
    return found


def cotangents(objectives: Sequence[Objective]) -> Callable[[Levels], list[Levels]]:
    """What a renderer asks for to find slopes: picture → the slope of every objective there."""
    return lambda picture: [objective.slope(picture) for objective in objectives]


def objective_change(objective: Objective, changed: NDArray[Any], source: NDArray[Any]) -> float:
    """By how many levels an objective differs between two pictures: above 0 where `changed` has more of it."""
    return objective.value(changed) - objective.value(source)


def _aim(text: str) -> Aim:
    kind, colon, region = text.lower().partition(":")
    known = (*COLOURS, SATURATION, LIKENESS, DISTANCE)
    if kind not in known and not re.fullmatch(r"#[0-9a-f]{6}", kind):
        raise BlockweightError(
            f"There is no objective {quoted(text)}; there are {', '.join(known)} and colours such as #3c8c50, each "
            "with :inside or :outside behind it where there is a mask."
        )
    if colon and region not in (INSIDE, OUTSIDE):
        raise BlockweightError(f"{quoted(text)} names no region of a picture; write :inside, :outside or none of them.")
    if kind.startswith("#"):
        _direction(kind)
    return Aim(kind, region)  # type: ignore[arg-type]  # one of the words above


def _direction(kind: str) -> Levels:
    """(3,), the largest part ±1."""
    if kind in COLOURS:
        return np.array(COLOURS[kind])
    colour = np.array([int(kind[start : start + 2], 16) for start in (1, 3, 5)], np.float64)
    away = colour - colour.mean()
    if not away.any():
        raise BlockweightError(f"{quoted(kind)} is a grey, which is no direction of colour; use 'light' instead.")
    found: Levels = away / np.abs(away).max()
    return found


def _known(mask: Mask | None) -> Mask:
    assert mask is not None
    return mask


def _share(picture: NDArray[Any], where: Mask | None) -> Levels:
    """What each pixel counts of a mean over the region, (H, W, 1): 1 / n or 0."""
    height, width = picture.shape[:2]
    if where is None:
        return np.full((height, width, 1), 1 / (height * width))
    if where.shape != (height, width):
        raise BlockweightError(
            f"The mask has {where.shape[1]}×{where.shape[0]} pixels but the picture {width}×{height}; use a mask of "
            "the picture's size."
        )
    found: Levels = where[..., None] / np.count_nonzero(where)
    return found


@dataclass(frozen=True, eq=False)
class _Directed:
    """The mean of a linear form of a pixel's colour."""

    direction: Levels
    where: Mask | None

    def value(self, picture: NDArray[Any]) -> float:
        return float((self.slope(picture) * picture).sum())

    def slope(self, picture: NDArray[Any]) -> Levels:
        return _share(picture, self.where) * self.direction


@dataclass(frozen=True, eq=False)
class _Chroma:
    """The mean of the largest less the smallest channel, 0…255. Its slope at a grey, where it has a kink, counts as
    0."""

    where: Mask | None

    def value(self, picture: NDArray[Any]) -> float:
        levels = picture.astype(np.float64)
        return float((_share(picture, self.where)[..., 0] * (levels.max(-1) - levels.min(-1))).sum())

    def slope(self, picture: NDArray[Any]) -> Levels:
        # argmax and argmin are the same channel at a grey, where the two ones cancel.
        found: Levels = np.eye(3)[picture.argmax(-1)] - np.eye(3)[picture.argmin(-1)]
        return found * _share(picture, self.where)


@dataclass(frozen=True, eq=False)
class _Compared:
    """± the root of the mean squared difference from the reference, over the region's channels. Its slope at the
    reference itself, where it has a kink, counts as 0."""

    reference: Levels
    where: Mask | None
    sign: float

    def value(self, picture: NDArray[Any]) -> float:
        return self.sign * self._parts(picture)[2]

    def slope(self, picture: NDArray[Any]) -> Levels:
        share, away, root = self._parts(picture)
        return self.sign * share * away / root if root else np.zeros_like(away)

    def _parts(self, picture: NDArray[Any]) -> tuple[Levels, Levels, float]:
        if picture.shape != self.reference.shape:
            (height, width), (high, wide) = picture.shape[:2], self.reference.shape[:2]
            raise BlockweightError(
                f"The picture to compare with has {wide}×{high} pixels and this one {width}×{height}; use one of the "
                "same size."
            )
        share = _share(picture, self.where) / 3
        away = picture - self.reference
        return share, away, math.sqrt(float((share * away**2).sum()))
