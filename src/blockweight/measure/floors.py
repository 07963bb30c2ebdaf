"""Yardsticks for an effect: what two seeds differ by anyway, and what two renderings of one job differ by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from blockweight.errors import BlockweightError
from blockweight.measure.intervals import Estimate, estimate
from blockweight.measure.pictures import Picture, mean_difference

Measure = Callable[[Picture, Picture], float]
"""How much two pictures differ, ≥ 0, alike both ways round: `mean_difference`, `diff_percent`, any aspect."""


@dataclass(frozen=True)
class SeedDifference:
    """What two seeds differ by anyway, as it is kept: the mean in the measure's unit, its 95 % interval (None for a
    single pair, which has none), and over how many pairs (0 where nobody wrote that down)."""

    mean: float
    interval: tuple[float, float] | None = None
    pairs: int = 0

    def sureness(self, decimals: int = 1) -> str:
        """` (3.1 to 5.9, 6 pairs)` or ` (one pair)`, to stand behind the mean; nothing where nobody knows."""
        if self.interval is None:
            return " (one pair)" if self.pairs == 1 else ""
        low, high = self.interval
        return f" ({low:.{decimals}f} to {high:.{decimals}f}, {self.pairs} pairs)"


@dataclass(frozen=True)
class SeedFloor:
    """What two pictures of one prompt and the same weights differ by when only their seeds differ, in the measure's
    unit: its mean with its error, over so many `pairs` of pictures of so many `prompts`."""

    estimate: Estimate
    pairs: int
    prompts: int

    @property
    def mean(self) -> float:
        """The mean difference of two seeds."""
        return self.estimate.mean

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval, reckoned in proportion; (−∞, ∞) for a single pair."""
        return self.estimate.relative_interval()

    @property
    def difference(self) -> SeedDifference:
        """The same as it is kept."""
        low, high = self.interval
        return SeedDifference(self.mean, None if math.isinf(low) or math.isinf(high) else (low, high), self.pairs)


def seed_floor(pictures: Mapping[tuple[str, int], Picture], measure: Measure = mean_difference) -> SeedFloor:
    """What two seeds differ by anyway, from pictures by prompt and seed, all with the same weights.

    A block whose effect is as large changes a picture as much as another seed would. Every pair of seeds of a prompt
    counts; the error is that of the prompts' means, or with one prompt the jackknife's over its seeds (Arvesen 1969),
    because the pairs share pictures. BlockweightError without a prompt of two seeds, or when the measure refuses.
    """
    by_prompt: dict[str, list[Picture]] = {}
    for (prompt, _), picture in pictures.items():
        by_prompt.setdefault(prompt, []).append(picture)
    found = [_differences(seeds, measure) for seeds in by_prompt.values() if len(seeds) > 1]
    if not found:
        raise BlockweightError(
            "To know what two seeds differ by takes two pictures of one prompt with different seeds; render another."
        )
    pairs = sum(len(differences) for differences in found)
    if len(found) == 1:
        return SeedFloor(_jackknifed(found[0]), pairs, 1)
    return SeedFloor(estimate([fmean(differences.values()) for differences in found]), pairs, len(found))


def _differences(pictures: Sequence[Picture], measure: Measure) -> dict[tuple[int, int], float]:
    return {
        (first, second): measure(pictures[first], pictures[second])
        for first, second in combinations(range(len(pictures)), 2)
    }


def _jackknifed(differences: Mapping[tuple[int, int], float]) -> Estimate:
    """The mean of all pairs, its error from leaving out one picture at a time."""
    count = max(second for _, second in differences) + 1
    mean = fmean(differences.values())
    if count == 2:
        return Estimate(mean, math.inf, 0)
    left = [fmean(value for pair, value in differences.items() if without not in pair) for without in range(count)]
    centre = fmean(left)
    error = math.sqrt((count - 1) / count * sum((each - centre) ** 2 for each in left))
    return Estimate(mean, error, count - 1)
