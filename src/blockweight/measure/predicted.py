"""Effects that were not drawn but predicted from slopes, in the table that measured ones fill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.effect_table import CHANGE, EffectTable, SceneName
from blockweight.render import Sketch, Slopes

MOST_TOLD = 24.0
"""How much a scene's slopes may foretell of all blocks together, in levels: the root of the sum of squares. Where a
composition is about to tip, slopes have no bound and foretell hundreds of levels. With about a tenth of the range,
intervals of the mean hold (docs/analysis.md); smaller bounds leave less of the order."""


def predicted_table(
    aspects: Sequence[str], scenes: Sequence[SceneName], found: Sequence[Slopes], value: float, base: float
) -> EffectTable:
    """Signed effects of every block going from `base` to `value` while the others stay at `base`, in the objectives'
    unit: `found` has each scene's slopes of the objectives `aspects`, there; the effect is the slope times
    (value − base), and a scene's are made smaller in proportion where they foretell more than MOST_TOLD (gradient
    clipping by norm; Pascanu, Mikolov and Bengio 2013)."""
    values = _foretold(found, value, base) * made_smaller(found, value, base)[:, None, :]
    return EffectTable(tuple(aspects), found[0].blocks, tuple(scenes), values, leaps=False, signed=frozenset(aspects))


def made_smaller(found: Sequence[Slopes], value: float, base: float) -> NDArray[np.float64]:
    """By what `predicted_table` multiplies each objective's slopes in each scene, (objectives, scenes): 1 where they
    foretell no more than MOST_TOLD, less elsewhere."""
    size = np.sqrt((_foretold(found, value, base) ** 2).sum(axis=1))
    shares: NDArray[np.float64] = MOST_TOLD / np.maximum(size, MOST_TOLD)
    return shares


def _foretold(found: Sequence[Slopes], value: float, base: float) -> NDArray[np.float64]:
    """(objectives, blocks, scenes), as the slopes say."""
    values: NDArray[np.float64] = np.stack([each.slopes for each in found], axis=-1) * (value - base)
    return values


def sketch_table(scenes: Sequence[SceneName], found: Sequence[Sketch], value: float, base: float) -> EffectTable:
    """Effects without a sign, one sketch a scene: CHANGE, by region where there was a mask, as the root mean square of
    what changes in one prediction of the model, in its own unit."""
    first = found[0]
    aspects = tuple(f"{CHANGE}:{region}" if region else CHANGE for region in first.regions)
    values = np.stack([each.sizes for each in found], axis=-1) * abs(value - base)
    return EffectTable(aspects, first.blocks, tuple(scenes), values, leaps=False)  # as a probe: no leaps
