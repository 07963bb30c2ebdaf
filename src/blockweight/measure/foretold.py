"""What weights of segments will do, foretold from single blocks' pictures, before any is rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.pictures import Picture
from blockweight.measure.segments import Segment
from blockweight.measure.wishes import Wish, WishScene

Pixel = TypeVar("Pixel", bound=np.generic)

SIDE = 256
"""Pixels a side that are looked at, at most: of a larger picture every second, third … row and column. Means over a
region come out the same, in a fraction of the time."""


@dataclass(frozen=True, eq=False)
class ForetoldScene:
    """A scene of an analysis, pictures uint8 (H, W, 3): `source` with every block at the analysis's base,
    `changed[block]` with that block alone at its value (read when it is asked for, once), and what pictures are
    measured by."""

    source: Picture
    changed: Mapping[str, Picture]
    measured_by: WishScene


def foretold_values(
    wishes: Sequence[Wish],
    scenes: Sequence[ForetoldScene],
    segments: Sequence[Segment],
    points: Sequence[Sequence[float]],
    value: float,
    base: float,
) -> NDArray[np.float64]:
    """What each wish will be at each of `points` (a weight for every segment, the other blocks at `base`), as means
    over the scenes: (points, wishes), NaN where no scene tells.

    The model is that of `least_weights`: a block at w changes the picture by (base − w) / (base − value) times what it
    did at `value`, and several by the sum of their signed differences, cut at 0 and 255. Blocks that a scene's
    `changed` lacks change nothing.
    """
    found = np.stack([_of_scene(wishes, scene, segments, points, value, base) for scene in scenes])
    told = ~np.isnan(found)
    sums = np.where(told, found, 0.0).sum(axis=0)
    means: NDArray[np.float64] = np.where(told.any(axis=0), sums / np.maximum(told.sum(axis=0), 1), np.nan)
    return means


def _of_scene(
    wishes: Sequence[Wish],
    scene: ForetoldScene,
    segments: Sequence[Segment],
    points: Sequence[Sequence[float]],
    value: float,
    base: float,
) -> NDArray[np.float64]:
    source = thinned(scene.source).astype(np.float32)
    changes = [np.zeros_like(source) for _ in segments]
    for number, segment in enumerate(segments):
        for block in segment.blocks:
            if block in scene.changed:
                changes[number] += thinned(scene.changed[block]).astype(np.float32) - source
    given = scene.measured_by
    seen = WishScene(
        thinned(given.without),
        thinned(given.everything),
        None if given.inside is None else thinned(given.inside),
        None if given.target is None else thinned(given.target),
    )
    rows = []
    for point in points:
        made = source.copy()
        for weight, change in zip(point, changes, strict=True):
            if weight != base:
                made += np.float32((base - weight) / (base - value)) * change
        picture = np.clip(made, 0, 255).round().astype(np.uint8)
        numbers = [wish.value(picture, seen) for wish in wishes]
        rows.append([np.nan if number is None else number for number in numbers])
    return np.array(rows, np.float64)


def thinned(picture: NDArray[Pixel]) -> NDArray[Pixel]:
    """A picture or a mask (H, W, …) with at most SIDE pixels a side."""
    by = max(1, -(-max(picture.shape[:2]) // SIDE))
    return np.ascontiguousarray(picture[::by, ::by])
