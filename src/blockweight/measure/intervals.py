"""How sure a mean is: Student's t, where samples of one prompt hang together, and where effects spread by their size.

Which intervals are used was chosen by how often they hold the truth: `benchmarks/intervals.py`, docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

CONFIDENCE = 0.95

POOLED_ABOVE = 0.5
"""Prompts are taken to be alike only when the F test of "they are" has a p value above this. Lower values (0.25 is
usual where power matters more) let intervals miss too often: two prompts rarely show how far prompts lie apart."""


PICTURE_SPREAD = 0.9
"""What is expected of a block's effects in finished pictures before any is seen: their standard deviation from scene to
scene, as a share of their mean. In most scenes a block does about the same; in one of ten or so its change tips the
whole composition, and a few scenes that show no such leap say little about how many there are."""

INSIDE_SPREAD = 1.2
"""The same inside a mask, a part of the picture, which a leap hits or misses as a whole."""

SIGNED_SPREAD = 1.7
"""The same of what can fall as well as rise, as a share of its size: the geometric mean of the root mean squares of the
block's effects and of all blocks' (its mean may be near 0 while it swings)."""

EXPECTED_SCENES = 16
"""As how many degrees of freedom an expectation counts beside what was seen. All four were chosen by how often
intervals hold the mean of a large pool of real scenes (`benchmarks/analysis.py`, docs/analysis.md)."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error and that error's degrees of freedom; (∞, 0) where nothing tells the spread. Any
    unit, any sign."""

    mean: float
    error: float
    freedom: float

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Student's t interval: mean ± t · error; (−∞, ∞) without a spread. 0 < `confidence` < 1."""
        half = self.half_width(confidence)
        return self.mean - half, self.mean + half

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """t · error, ∞ without a spread. 0 < `confidence` < 1."""
        if self.freedom <= 0:
            return math.inf
        # It takes a fifth of a second, which a page or a command that measures nothing need not wait for.
        from scipy.special import stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415

        return float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error

    def expecting(self, deviation: float) -> Estimate:
        """The same with the error that comes of both the spread that was seen and one that was expected, a standard
        `deviation` ≥ 0 in the mean's unit, weighted by their degrees of freedom (the posterior of a variance under a
        scaled inverse χ² prior; Smyth 2004 moderates t statistics so). Unchanged for 0 and without a spread: what one
        sample says stays unknown."""
        if self.freedom <= 0 or deviation == 0:
            return self
        seen, freedom = self.freedom * self.error**2, self.freedom + EXPECTED_SCENES
        expected = EXPECTED_SCENES * deviation**2 / (self.freedom + 1)
        return Estimate(self.mean, math.sqrt((seen + expected) / freedom), freedom)

    def relative_interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """For a mean of samples ≥ 0 that spread in proportion to their size: mean · exp(± t · error / mean), the t
        interval of the mean's logarithm by the delta method. (0, 0) for nothing but zeros, (−∞, ∞) without a spread."""
        half = self.half_width(confidence)
        if math.isinf(half):
            return -math.inf, math.inf
        if self.mean <= 0:
            return self.mean, self.mean
        ratio = half / self.mean
        return self.mean * math.exp(-ratio), self.mean * math.exp(ratio) if ratio < _HUGE else math.inf

    def p_at_most(self, value: float) -> float:
        """The one-sided p value, 0…1, of the hypothesis that the true mean is at most `value`; 1 without a spread."""
        if self.freedom <= 0:
            return 1.0
        if self.error == 0:
            return 0.0 if self.mean > value else 1.0
        from scipy.special import stdtr  # noqa: PLC0415 - as above

        return float(stdtr(self.freedom, (value - self.mean) / self.error))

    def p_at_least(self, value: float) -> float:
        """The one-sided p value, 0…1, of the hypothesis that the true mean is at least `value`; 1 without a spread."""
        return Estimate(-self.mean, self.error, self.freedom).p_at_most(-value)


_HUGE = 700.0
"""exp of more overflows."""


def t_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Student's t interval of the mean of `samples`: mean ± t(n − 1) · s / √n.

    One sample says nothing about the spread: its interval is (−∞, ∞).
    """
    return estimate(samples).interval(confidence)


def estimate(samples: Sequence[float], groups: Sequence[int] = ()) -> Estimate:
    """The mean of at least one sample, with its standard error. ValueError without a sample, or with other than none or
    one group a sample.

    Samples with the same number in `groups` (the same prompt) may hang together. Where the groups' means lie further
    apart than the samples within them explain (F test, POOLED_ABOVE), the groups are a random sample of all that might
    have been: variance and degrees of freedom are those of the one-way random effects model, by analysis of variance
    (Searle, Casella and McCulloch, Variance Components, 1992, 3.6) and Satterthwaite (1946). In a balanced design that
    is the t interval of the groups' means. Without groups, and where they are alike, all samples count as independent.
    """
    if not samples or (groups and len(groups) != len(samples)):
        raise ValueError(f"{len(samples)} samples in {len(groups)} groups cannot be averaged")
    mean, count = fmean(samples), len(samples)
    if count == 1:
        return Estimate(mean, math.inf, 0)
    rows = [[sample for sample, of in zip(samples, groups, strict=True) if of == group] for group in sorted({*groups})]
    # With one group, or one sample in each, there is nothing that hangs together.
    clustered = _clustered(rows, mean, count) if 1 < len(rows) < count else None
    return clustered or Estimate(mean, math.sqrt(_squares(samples, mean) / (count - 1) / count), count - 1)


def _clustered(rows: Sequence[Sequence[float]], mean: float, count: int) -> Estimate | None:
    """None where the groups are alike."""
    from scipy.special import fdtrc  # noqa: PLC0415 - as above

    groups, sizes = len(rows), [len(row) for row in rows]
    within = sum(_squares(row, fmean(row)) for row in rows) / (count - groups)
    between = sum(len(row) * (fmean(row) - mean) ** 2 for row in rows) / (groups - 1)
    if not between or (within and fdtrc(groups - 1, count - groups, between / within) > POOLED_ABOVE):
        return None
    squares = sum(size**2 for size in sizes)
    size = (count - squares / count) / (groups - 1)
    share = squares / count**2 / size
    parts = share * between, (1 / count - share) * within
    # Groups of unequal sizes give the part within a weight below 0, which must not leave less than either part allows.
    variance = max(sum(parts), min(between, within) / count)
    if not variance:  # too small for a number
        return None
    first, second = (part / variance for part in parts)
    freedom = 1 / (first**2 / (groups - 1) + second**2 / (count - groups))
    return Estimate(mean, math.sqrt(variance), min(max(freedom, 1.0), count - 1))


def _squares(samples: Sequence[float], mean: float) -> float:
    return math.fsum((sample - mean) ** 2 for sample in samples)
