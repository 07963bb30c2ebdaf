"""A number read off two pictures of each scene: what each comes to, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.measure.intervals import estimate


@dataclass(frozen=True)
class Sampled:
    """A number of each scene; `groups` as `Effect.groups`, scenes of one prompt. A number that is `signed` may lie
    below 0."""

    samples: tuple[float, ...]
    groups: tuple[int, ...] = ()
    signed: bool = False

    @property
    def mean(self) -> float:
        """Their mean."""
        return estimate(self.samples, self.groups).mean

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean; (−∞, ∞) for a single scene."""
        low, high = estimate(self.samples, self.groups).interval()
        return (low if self.signed or math.isinf(high) else max(low, 0.0)), high


@dataclass(frozen=True)
class Paired:
    """The same number of two pictures, in the same scenes."""

    first: Sampled
    second: Sampled

    @property
    def difference(self) -> Sampled:
        """The second's less the first's, scene by scene, so that what scenes differ in does not blur it."""
        pairs = zip(self.first.samples, self.second.samples, strict=True)
        return Sampled(tuple(second - first for first, second in pairs), self.first.groups, signed=True)


def paired(
    first: Sequence[float], second: Sequence[float], groups: Sequence[int] = (), *, signed: bool = False
) -> Paired:
    """Both of these, one a scene each."""
    return Paired(Sampled(tuple(first), tuple(groups), signed), Sampled(tuple(second), tuple(groups), signed))
