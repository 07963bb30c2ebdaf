"""Effects that were not drawn but predicted from slopes, in the table that measured ones fill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blockweight.measure.effect_table import CHANGE, EffectTable, SceneName
from blockweight.render import Sketch, Slopes


def slope_points(value: float, base: float, count: int = 1) -> tuple[float, ...]:
    """At which weight of all blocks to take slopes, for the effect of one block going from `base` to `value` while the
    others stay: at `base`, and as a second point half way, which mends the curvature of blocks that act by themselves.

    Half way alone is worse: there the others have moved too. ValueError for other counts than 1 and 2.
    """
    if count not in (1, 2):
        raise ValueError(f"slopes are taken at 1 or 2 points, not {count}")
    return (base, (value + base) / 2)[:count]


def predicted_table(
    aspects: Sequence[str], scenes: Sequence[SceneName], found: Sequence[Sequence[Slopes]], value: float, base: float
) -> EffectTable:
    """Signed effects of every block going from `base` to `value`, in the objectives' unit: `found[scene]` are a scene's
    slopes at its points, each of the objectives `aspects`; the effect is the mean slope times (value − base)."""
    blocks = found[0][0].blocks
    means = [np.mean([each.slopes for each in points], axis=0) for points in found]
    values = np.stack(means, axis=-1) * (value - base)
    return EffectTable(tuple(aspects), blocks, tuple(scenes), values, signed=frozenset(aspects))


def sketch_table(scenes: Sequence[SceneName], found: Sequence[Sketch], value: float, base: float) -> EffectTable:
    """Effects without a sign, one sketch a scene: CHANGE, by region where there was a mask, as the root mean square of
    what changes in one prediction of the model, in its own unit."""
    first = found[0]
    aspects = tuple(f"{CHANGE}:{region}" if region else CHANGE for region in first.regions)
    values = np.stack([each.sizes for each in found], axis=-1) * abs(value - base)
    return EffectTable(aspects, first.blocks, tuple(scenes), values, expected_spread=0.0)  # as a probe: no leaps
