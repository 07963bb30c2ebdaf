"""Which pairs of blocks don't add up: what two do together beyond what each does alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.effect_table import SceneName
from blockweight.measure.effects import NOISE_FLOOR, Effect, Signal
from blockweight.measure.intervals import CONFIDENCE
from blockweight.measure.pictures import Mask

Values = NDArray[Any]
"""A picture's levels (H, W, 3), or other numbers: latents (C, h, w), what a denoiser predicts."""

ADDS_UP = 0.25
"""Up to this share of the smaller of the two effects, what they do together is called their sum."""


class Sum(Enum):
    """What the scenes say of a pair."""

    ADDS_UP = "adds up"
    DIFFERS = "does not add up"
    UNSETTLED = "not settled"


_VERDICTS = {Signal.NOISE: Sum.ADDS_UP, Signal.VISIBLE: Sum.DIFFERS, Signal.UNSETTLED: Sum.UNSETTLED}


@dataclass(frozen=True, eq=False)
class InteractionTable:
    """`sizes[scene, i, j]`, float64, symmetric, in the unit of what was compared (levels for pictures): what the blocks
    i and j do together beyond the sum of what each does alone; on the diagonal what the block does alone. NaN where it
    was not measured. All are means of absolute values. Sizes up to `floor` are nothing that can be told."""

    blocks: tuple[str, ...]
    scenes: tuple[SceneName, ...]
    sizes: NDArray[np.float64]
    floor: float = NOISE_FLOOR

    def __post_init__(self) -> None:
        shape = (len(self.scenes), len(self.blocks), len(self.blocks))
        if self.sizes.shape != shape:
            raise ValueError(f"sizes must be of the shape {shape}, not {self.sizes.shape}")

    @property
    def values(self) -> NDArray[np.float64]:
        """(scenes, blocks, blocks): each interaction relative to the smaller of the two single effects; 0 on the
        diagonal. Interactions under the floor are 0, and a single effect under it counts as the floor."""
        singles = np.maximum(np.diagonal(self.sizes, axis1=1, axis2=2), self.floor)
        smaller = np.minimum(singles[:, :, None], singles[:, None, :])
        # What is random adds up in squares: the floor's share of a size is not subtracted, but taken out so.
        beyond = np.sqrt(np.maximum(self.sizes**2 - self.floor**2, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(beyond == 0, 0.0, beyond / smaller)
        for scene in found:
            np.fill_diagonal(scene, 0.0)
        return found

    def pair(self, first: str, second: str) -> Effect | None:
        """The pair's relative interaction over the scenes in which it was measured; None if it was in none. KeyError
        for a block that the table lacks."""
        return _effect(f"{first}+{second}", self.values[:, self._place(first), self._place(second)])

    def single(self, block: str) -> Effect | None:
        """What the block does alone, as `pair`, in the table's unit."""
        place = self._place(block)
        return _effect(block, self.sizes[:, place, place])

    def verdict(self, first: str, second: str, most: float = ADDS_UP) -> Sum:
        """Whether the two add up: by the interval over the scenes the relative interaction lies under `most`, or over
        it, or neither, as after a single scene (`Effect.signal`). Corrected for the table's pairs (Bonferroni): that
        any of them is said wrongly has at most the probability 1 − CONFIDENCE."""
        effect = self.pair(first, second)
        confidence = 1 - (1 - CONFIDENCE) / max(1, self._measured)
        return _VERDICTS[Signal.UNSETTLED if effect is None else effect.signal(most, confidence)]

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All pairs that were measured in a scene, those with the largest mean first."""
        means = {pair: effect.mean for pair in combinations(self.blocks, 2) if (effect := self.pair(*pair)) is not None}
        return tuple(sorted(means, key=lambda pair: -means[pair]))

    def facts(self) -> dict[str, object]:
        """The table as plain values that JSON keeps, None where nothing was measured."""
        sizes = [[[None if np.isnan(size) else float(size) for size in row] for row in scene] for scene in self.sizes]
        scenes = [{"label": each.label, "seed": each.seed, "prompt": each.prompt} for each in self.scenes]
        return {"blocks": list(self.blocks), "scenes": scenes, "sizes": sizes, "floor": self.floor}

    @property
    def _measured(self) -> int:
        """How many pairs were measured in a scene."""
        found = np.logical_not(np.isnan(self.sizes)).any(axis=0)
        return int(np.triu(found, 1).sum())

    def _place(self, block: str) -> int:
        try:
            return self.blocks.index(block)
        except ValueError:
            raise KeyError(block) from None


def interactions_from(facts: Mapping[str, Any]) -> InteractionTable:
    """The table that `facts` tells of; BlockweightError for anything else."""
    try:
        blocks = tuple(map(str, facts["blocks"]))
        scenes = tuple(SceneName(str(e["label"]), int(e["seed"]), str(e["prompt"])) for e in facts["scenes"])
        sizes = np.array(facts["sizes"], dtype=np.float64).reshape(len(scenes), len(blocks), len(blocks))
        floor = float(facts["floor"])
        if not 0 <= floor < math.inf or not np.array_equal(sizes, sizes.transpose(0, 2, 1), equal_nan=True):
            raise ValueError("not symmetric, or a floor below 0")
        return InteractionTable(blocks, scenes, sizes, floor)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BlockweightError("These are no measured interactions, or they are damaged; analyse again.") from error


def interaction_size(both: Values, first: Values, second: Values, neither: Values, mask: Mask | None = None) -> float:
    """The mean |both − first − second + neither| over all values, or those under the mask (H, W) of pictures (H, W, 3):
    0 where the two blocks' changes add up. The unit is the values'.

    Four pictures of whole levels differ from the true ones by rounding, which shows as up to 0.5 levels (mean) here. A
    picture cannot go beyond 0 and 255, and two changes that would together count as not adding up there.
    BlockweightError when the sizes differ or the mask is empty.
    """
    return _mean_size(_wide(both) - _wide(first) - _wide(second) + _wide(neither), mask)


def measure_interactions(
    blocks: Sequence[str],
    source: Values,
    singles: Mapping[str, Values],
    pairs: Mapping[tuple[str, str], Values],
    mask: Mask | None = None,
) -> NDArray[np.float64]:
    """One scene's `sizes` (blocks, blocks) for an InteractionTable: NaN for a pair that `pairs` lacks, in either order,
    and for a block that `singles` lacks. BlockweightError as from `interaction_size`."""
    sizes = np.full((len(blocks), len(blocks)), np.nan)
    for place, block in enumerate(blocks):
        if block in singles:
            sizes[place, place] = _mean_size(_wide(singles[block]) - _wide(source), mask)
    for (i, first), (j, second) in combinations(enumerate(blocks), 2):
        both = pairs.get((first, second), pairs.get((second, first)))
        if both is not None and first in singles and second in singles:
            sizes[i, j] = sizes[j, i] = interaction_size(both, singles[first], singles[second], source, mask)
    return sizes


def _effect(name: str, samples: NDArray[np.float64]) -> Effect | None:
    found = samples[~np.isnan(samples)]
    return Effect(name, tuple(map(float, found))) if len(found) else None


def _wide(values: Values) -> Values:
    return values.astype(np.float32) if values.dtype == np.uint8 else values


def _mean_size(values: Values, mask: Mask | None) -> float:
    if mask is not None:
        if values.shape[:2] != mask.shape:
            raise BlockweightError("The mask and the pictures differ in size; use a mask of the pictures' size.")
        if not mask.any():
            raise BlockweightError("The mask is empty, so there is nothing to measure under it; mark a pixel at least.")
        values = values[mask]
    return float(np.abs(values).mean(dtype=np.float64))
