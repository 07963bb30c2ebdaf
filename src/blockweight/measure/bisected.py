"""A group screening's answers as a table of effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockweight.measure.effect_table import EffectTable, SceneName
from blockweight.plan import Bisection, Group


@dataclass(frozen=True, eq=False)
class Bisected:
    """`table` has every block's effects. For those in `bounded` they are its closed group's, which is named there: no
    more than upper bounds, because the block was not measured alone."""

    table: EffectTable
    bounded: Mapping[str, Group]


def bisected_effects(
    bisection: Bisection, scenes: Sequence[SceneName], samples: Mapping[Group, Mapping[str, Sequence[float]]]
) -> Bisected:
    """The effects that a finished bisection found: `samples[group][aspect]` has one sample a scene, measured as for a
    single block, for every group that `bisection.known` has. Before the end, blocks of groups that are still wanted are
    NaN. KeyError for a known group without samples; ValueError for lengths that differ."""
    blocks = tuple(block for group in bisection.groups for block in group)
    aspects = tuple(dict.fromkeys(aspect for found in samples.values() for aspect in found))
    values = np.full((len(aspects), len(blocks), len(scenes)), np.nan)
    bounded: dict[str, Group] = {}
    for group, _ in bisection.known:
        for block in group:
            for number, aspect in enumerate(aspects):
                values[number, blocks.index(block)] = _of_scenes(samples[group][aspect], len(scenes))
            if len(group) > 1:
                bounded[block] = group
    return Bisected(EffectTable(aspects, blocks, tuple(scenes), values), bounded)


def _of_scenes(samples: Sequence[float], scenes: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if len(samples) != scenes:
        raise ValueError(f"{len(samples)} samples for {scenes} scenes")
    return np.asarray(samples, np.float64)
