"""Pictures of every block in, the table of their effects by every aspect out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure.aspects import measure_aspects
from blockweight.measure.effect_table import EffectTable, SceneName
from blockweight.measure.embeddings import Embedder
from blockweight.measure.pictures import Mask, Picture


def measure_table(
    names: Sequence[str],
    pairs: Mapping[str, Sequence[tuple[Picture, Picture] | None]],
    scenes: Sequence[SceneName],
    masks: Mask | Sequence[Mask] | None = None,
    embedder: Embedder | None = None,
) -> EffectTable:
    """The table of these aspects: block → one (picture with the block changed, source picture) per scene, None where
    none was rendered. `masks` is one for all scenes, or one per scene.

    BlockweightError as from `measure_aspects`, and where the numbers of pictures or masks are not that of the scenes.
    """
    by_scene = list(masks) if isinstance(masks, Sequence) else [masks] * len(scenes)
    if len(by_scene) != len(scenes):
        raise BlockweightError(
            f"{len(by_scene)} masks were given for {len(scenes)} scenes; give one mask, or one per scene."
        )
    values = np.full((len(names), len(pairs), len(scenes)), np.nan)
    for row, (block, found) in enumerate(pairs.items()):
        if len(found) != len(scenes):
            raise BlockweightError(
                f"There are pictures of block {block} in {len(found)} of {len(scenes)} scenes; render the rest."
            )
        for column, (pair, mask) in enumerate(zip(found, by_scene, strict=True)):
            if pair is not None:
                values[:, row, column] = measure_aspects(names, *pair, mask, embedder)
    return EffectTable(tuple(names), tuple(pairs), tuple(scenes), values)
