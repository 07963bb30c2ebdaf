"""The seam for slopes, beside the one for pictures: how fast a number that is read off a picture grows with the weight
of every block, for all blocks at once, from one picture drawn and one way back through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.render.protocol import Renderer, Watch, unwatched

Levels = NDArray[np.float64]
"""A picture before it is rounded, (H, W, 3) float64, 0…255; or a slope, one number for each of its values."""

Cotangents = Callable[[Levels], Sequence[Levels]]
"""Given the picture: for every objective its slope there, ∂ objective / ∂ picture, (H, W, 3)."""


@dataclass(frozen=True, eq=False)
class SlopeAsk:
    """What to draw, and what to measure: the slopes are taken at the block weights of `job`, which must have some."""

    job: Job
    cotangents: Cotangents


@dataclass(frozen=True, eq=False)
class Slopes:
    """`slopes[objective, block]`: the objective's unit for 1 of the block's weight, float64; `blocks` are all that the
    LoRA changes, in the order of its family's layout, and REST if it has such modules. Where the picture is cut off
    at 0 or 255, no weight moves it.

    `rows` counts the rows that the denoiser was asked for to draw `picture` (two for a step with guidance); `cost` is
    how many it would have drawn in the time that the whole took, the way back included, which is what compares with
    the rows of other methods.
    """

    job: Job
    picture: Levels
    blocks: tuple[str, ...]
    slopes: NDArray[np.float64]
    rows: int
    cost: float
    seconds: float


@dataclass(frozen=True, eq=False)
class SketchAsk:
    """The picture of `job` is drawn until the model has predicted `at` times; how that one prediction changes with
    every block's weight is measured by `projections` random projections of it, drawn from `seed`.

    Each projection costs one way back through one call of the model (two with a mask) and makes the sizes of the scene
    surer: their relative deviation is about 1 / √(2 · projections).
    `mask`, (H, W) bool, of the picture's size, tells inside from outside."""

    job: Job
    at: int
    projections: int = 4
    mask: NDArray[np.bool_] | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sketch:
    """`sizes[region, block]`, float64, 0 or more: the root mean square, over the region, of ∂ prediction / ∂ weight:
    what the model predicts (noise, velocity or picture, after guidance) for 1 of the block's weight. `regions` are
    `""`, and `inside` and `outside` where there was a mask. The rest as in Slopes."""

    job: Job
    blocks: tuple[str, ...]
    regions: tuple[str, ...]
    sizes: NDArray[np.float64]
    rows: int
    cost: float
    seconds: float


@runtime_checkable
class SlopeRenderer(Protocol):
    """A renderer that can go back through a picture."""

    def slopes(self, asks: Sequence[SlopeAsk], watch: Watch = unwatched) -> Iterator[Slopes]:
        """The slopes of each ask, lazily and in order; a caller that stops iterating cancels the rest, and in the
        middle of a picture `watch` can. BlockweightError at once, before any work, for what cannot be done; later if a
        picture is too large for the memory or not made of numbers."""
        ...

    def sketches(self, asks: Sequence[SketchAsk], watch: Watch = unwatched) -> Iterator[Sketch]:
        """The sizes of each ask, as `slopes` gives slopes."""
        ...


def slope_renderer(renderer: Renderer) -> SlopeRenderer:
    """The renderer, if it can; BlockweightError if it only draws."""
    if isinstance(renderer, SlopeRenderer):
        return renderer
    raise BlockweightError(
        "This renderer gives pictures only, and gradients need the model itself: use --renderer local, or another "
        "--method."
    )
