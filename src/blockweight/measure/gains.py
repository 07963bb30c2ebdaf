"""What block weights leave of a LoRA's change: kept where it should work, gone everywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from blockweight.measure.intervals import CONFIDENCE, t_interval
from blockweight.measure.pictures import Mask, Picture, mean_difference, share_of_change


@dataclass(frozen=True)
class Mean:
    """A mean over samples (one a scene) with its two-sided t interval; (−∞, ∞) for a single sample."""

    samples: tuple[float, ...]
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("a mean needs at least one sample")

    @property
    def mean(self) -> float:
        """The mean."""
        return fmean(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper end."""
        return t_interval(self.samples, self.confidence)


@dataclass(frozen=True)
class Gain:
    """What a picture keeps of the LoRA's change in one scene. `kept` is the share of its way from the picture without
    the LoRA to the one with all blocks (`share_of_change`): 0 none of it, 1 all, above 1 beyond; inside the mask where
    there is one, in the whole picture otherwise. `gone` is the share of the change outside the mask that is gone,
    1 − |picture − without| / |everything − without| in mean levels: 1 all, 0 none, below 0 more than there was. None
    without a mask. Either is None where the LoRA changes nothing that could be kept or go."""

    kept: float | None
    gone: float | None


def gain_of(picture: Picture, without: Picture, everything: Picture, inside: Mask | None = None) -> Gain:
    """What `picture` keeps of the change from `without` the LoRA to `everything`, all its blocks; all uint8 (H, W, 3).
    BlockweightError when sizes differ or the mask is empty."""
    region = (everything[..., 0] == everything[..., 0]) if inside is None else inside
    moved = mean_difference(everything, without, region) > 0
    kept = share_of_change(picture, without, everything, region) if moved else None
    if inside is None or inside.all():
        return Gain(kept, None)
    there = mean_difference(everything, without, ~inside)
    return Gain(kept, 1 - mean_difference(picture, without, ~inside) / there if there > 0 else None)


def mean_of(samples: Sequence[float | None], confidence: float = CONFIDENCE) -> Mean | None:
    """The mean of those that were measured; None if none was."""
    found = tuple(sample for sample in samples if sample is not None)
    return Mean(found, confidence) if found else None
