"""Whether what tuned block weights gain holds elsewhere: in other seeds, prompts and checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import fmean, stdev

from blockweight.errors import BlockweightError
from blockweight.measure.gains import Gain, Mean, mean_of
from blockweight.measure.intervals import CONFIDENCE, t_interval

MARGIN = 0.1
"""A share that may be lost while a gain still counts as holding: ten points of a hundred."""


class Holds(Enum):
    """How a group's gain stands to that at home."""

    HOLDS = "holds"
    LESS = "less"
    MORE = "more"
    UNSETTLED = "not settled"


@dataclass(frozen=True)
class Difference:
    """A group's mean less that at home, with its interval; `paired` scene by scene, or between independent groups.
    `either_way` says that more is no better than less: of a whole picture more may be kept because less of the harm is
    gone."""

    mean: float
    low: float
    high: float
    paired: bool
    either_way: bool = False

    @property
    def holds(self) -> Holds:
        """HOLDS if the group gains at most MARGIN less (and, `either_way`, at most MARGIN more), by the whole interval;
        else LESS or MORE if it gains less or more by the whole interval; else UNSETTLED."""
        if self.low > -MARGIN and not (self.either_way and self.high >= MARGIN):
            return Holds.HOLDS
        if self.high < 0:
            return Holds.LESS
        return Holds.MORE if self.low > 0 else Holds.UNSETTLED


@dataclass(frozen=True)
class GroupGains:
    """What the same weights gain in a group's scenes: `whole` by the whole picture, `masked` inside and outside a mask,
    None where the group has none. `paired` says that its scenes are home's, in their order, but for the model."""

    name: str
    whole: tuple[Gain, ...]
    masked: tuple[Gain, ...] | None = None
    paired: bool = False


@dataclass(frozen=True)
class TransferRow:
    """One group in the table. `kept` and `gone` are inside and outside the mask where the group has one, else `kept` is
    the whole picture's and `gone` None. `against` compares with home by the same measure, None for home itself and
    where there is nothing to compare. `masked` says by which."""

    name: str
    scenes: int
    masked: bool
    kept: Mean | None
    gone: Mean | None
    kept_against: Difference | None = None
    gone_against: Difference | None = None


def transfer_table(home: GroupGains, groups: Sequence[GroupGains]) -> tuple[TransferRow, ...]:
    """Home, by its mask if it has one, then by the whole picture where a group has no mask to compare with; then every
    group.

    The intervals of the differences hold at CONFIDENCE for all groups together (Bonferroni), of each measure; scenes
    count as independent. BlockweightError for a paired group with another number of scenes than home.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(len(groups), 1)
    by_mask = home.masked is not None
    rows = [_row(home, masked=True)] if by_mask else []
    if not by_mask or any(group.masked is None for group in groups):
        rows.append(_row(home, masked=False))
    for group in groups:
        if group.paired and len(group.whole) != len(home.whole):
            raise BlockweightError(
                f"The group '{group.name}' has {len(group.whole)} scenes and home {len(home.whole)}, so they make no "
                "pairs; compare them unpaired."
            )
        rows.append(_row(group, masked=by_mask and group.masked is not None, home=home, confidence=confidence))
    return tuple(rows)


def difference_of(
    group: Sequence[float | None], home: Sequence[float | None], *, paired: bool, confidence: float = CONFIDENCE
) -> Difference | None:
    """The mean of `group` less that of `home`, with its t interval: of the differences where they are paired, else
    Welch's (degrees of freedom by Welch and Satterthwaite; Welch 1947). None counts as not measured (a pair needs
    both); None for no sample on a side. With a single sample or pair the interval is (−∞, ∞)."""
    if paired:
        pairs = zip(group, home, strict=True)
        found = [there - here for there, here in pairs if there is not None and here is not None]
        if not found:
            return None
        return Difference(fmean(found), *t_interval(found, confidence), paired=True)
    there, here = ([sample for sample in side if sample is not None] for side in (group, home))
    if not there or not here:
        return None
    mean = fmean(there) - fmean(here)
    half = _welch(there, here, confidence)
    return Difference(mean, mean - half, mean + half, paired=False)


def _welch(first: Sequence[float], second: Sequence[float], confidence: float) -> float:
    """Half the width of the interval."""
    if min(len(first), len(second)) < 2:
        return math.inf
    parts = [stdev(side) ** 2 / len(side) for side in (first, second)]
    total = sum(parts)
    if total == 0:
        return 0.0
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415 - as in `t_interval`

    freedom = total**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(total)


def _row(
    group: GroupGains, *, masked: bool, home: GroupGains | None = None, confidence: float = CONFIDENCE
) -> TransferRow:
    gains = _gains(group, masked=masked)
    row = TransferRow(
        group.name,
        len(gains),
        masked,
        mean_of([gain.kept for gain in gains]),
        mean_of([gain.gone for gain in gains]),
    )
    if home is None:
        return row
    at_home = _gains(home, masked=masked)
    against = [
        difference_of(
            [getattr(gain, name) for gain in gains],
            [getattr(gain, name) for gain in at_home],
            paired=group.paired,
            confidence=confidence,
        )
        for name in ("kept", "gone")
    ]
    kept, gone = (each and replace(each, either_way=not masked) for each in against)
    return replace(row, kept_against=kept, gone_against=gone)


def _gains(group: GroupGains, *, masked: bool) -> tuple[Gain, ...]:
    return group.masked if masked and group.masked is not None else group.whole
