"""What a block does to the picture, measured over several seeds, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import fmean, stdev

from blockweight.errors import BlockweightError
from blockweight.measure.pictures import DIFF_THRESHOLD, Mask, Picture, diff_percent, mean_difference

NOISE_FLOOR = 0.5
"""The default noise floor in levels: what rounding to 8 bits alone can move a value by. A renderer that is not
reproducible (xformers, another batch size) has a higher one; measure it from two renderings of one job."""

CONFIDENCE = 0.95

PairsByBlock = Mapping[str, Sequence[tuple[Picture, Picture]]]
"""Block → one (picture with the block changed, source picture) per seed, the same seeds in the same order for all."""


def t_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Student's t interval of the mean of `samples`: mean ± t(n − 1) · s / √n.

    One sample says nothing about the spread: its interval is (−∞, ∞).
    """
    if len(samples) < 2:
        return -math.inf, math.inf
    # It takes a fifth of a second, which a page or a command that measures nothing need not wait for.
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415

    quantile = float(stdtrit(len(samples) - 1, (1 + confidence) / 2))
    half = quantile * stdev(samples) / math.sqrt(len(samples))
    mean = fmean(samples)
    return mean - half, mean + half


def check_floor(floor: float) -> None:
    """BlockweightError unless the noise floor is above 0 (logarithms are taken of it)."""
    if not floor > 0:
        raise BlockweightError(f"The noise floor must be above 0 levels, not {floor:g}; {NOISE_FLOOR} is the rounding.")


class Signal(Enum):
    """Where an effect stands towards the noise floor."""

    VISIBLE = "visible"
    NOISE = "indistinguishable from noise"
    UNSETTLED = "not settled by these seeds"


@dataclass(frozen=True)
class Effect:
    """One block's effect by one measure: a sample per seed, in the measure's unit (levels or percent), each ≥ 0."""

    block: str
    samples: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"an effect of {self.block} needs at least one sample")

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t interval of the mean; (−∞, ∞) for a single seed. Its lower end may be below 0."""
        return t_interval(self.samples)

    @property
    def margin(self) -> float:
        """Half the width of the interval, the number after "±"; ∞ for a single seed."""
        low, high = self.interval
        return (high - low) / 2

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest sample."""
        return min(self.samples), max(self.samples)

    def signal(self, floor: float = NOISE_FLOOR) -> Signal:
        """Whether the effect stands above the noise floor (same unit as the samples), below it, or neither for sure.

        Below: the whole t interval is under the floor. Above: the t interval of the samples' logarithms is over it.
        Effects spread in proportion to their size, so an interval on the plain scale would call 12, 20 and 28 levels
        possibly nothing. Samples under the floor count as the floor there. BlockweightError unless floor > 0.
        """
        check_floor(floor)
        if self.interval[1] < floor:
            return Signal.NOISE
        if t_interval([math.log(max(sample, floor)) for sample in self.samples])[0] > math.log(floor):
            return Signal.VISIBLE
        return Signal.UNSETTLED

    def text(self, decimals: int = 1) -> str:
        """`6.1 ± 0.8`; with two seeds the two figures, because the interval of two is wider than anybody can use, and
        with one seed that one's."""
        if len(self.samples) == 2:
            return " and ".join(f"{sample:.{decimals}f}" for sample in sorted(self.samples))
        mean = f"{self.mean:.{decimals}f}"
        return mean if math.isinf(self.margin) else f"{mean} ± {self.margin:.{decimals}f}"


@dataclass(frozen=True)
class BlockEffects:
    """All that was measured of one block: `diff` in percent (LoRA Block Weight's Diff %), the others in levels.

    `inside` and `outside` are None when no mask was given.
    """

    block: str
    diff: Effect
    overall: Effect
    inside: Effect | None = None
    outside: Effect | None = None


def measure_effects(
    pairs: PairsByBlock,
    inside: Mask | Sequence[Mask] | None = None,
    threshold: int = DIFF_THRESHOLD,
) -> tuple[BlockEffects, ...]:
    """The effects of every block, in the order of `pairs`.

    `inside` is one mask for all seeds, or one per seed. BlockweightError when a block has no pictures, sizes differ,
    the number of masks does not fit, or a mask leaves nothing inside or outside.
    """
    return tuple(_block_effects(block, seeds, inside, threshold) for block, seeds in pairs.items())


def _block_effects(
    block: str, pairs: Sequence[tuple[Picture, Picture]], inside: Mask | Sequence[Mask] | None, threshold: int
) -> BlockEffects:
    if not pairs:
        raise BlockweightError(f"There are no pictures of block {block} to measure; render at least one seed.")
    diff = Effect(block, tuple(diff_percent(picture, source, threshold) for picture, source in pairs))
    overall = Effect(block, tuple(mean_difference(picture, source) for picture, source in pairs))
    if inside is None:
        return BlockEffects(block, diff, overall)
    masks = _masks(inside, len(pairs))
    within = tuple(mean_difference(*pair, mask) for pair, mask in zip(pairs, masks, strict=True))
    beyond = tuple(mean_difference(*pair, ~mask) for pair, mask in zip(pairs, masks, strict=True))
    return BlockEffects(block, diff, overall, Effect(block, within), Effect(block, beyond))


def _masks(inside: Mask | Sequence[Mask], count: int) -> Sequence[Mask]:
    if not isinstance(inside, Sequence):
        return [inside] * count
    if len(inside) != count:
        raise BlockweightError(
            f"{len(inside)} masks were given for {count} pictures of each block; give one mask, or one per picture."
        )
    return inside
