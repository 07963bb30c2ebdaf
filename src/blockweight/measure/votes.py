"""Votes counted honestly: how often a variant was called best, with an exact interval, against chance."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.measure.intervals import CONFIDENCE


@dataclass(frozen=True)
class VoteShare:
    """`count` of `total` votes, with the interval of the share that they are a sample of, 0 to 1."""

    count: int
    total: int
    low: float
    high: float


def vote_share(count: int, total: int, compared: int = 1) -> VoteShare:
    """The share, with intervals that hold at CONFIDENCE for all of `compared` shares together (Bonferroni); from 0 to 1
    without any votes. 0 ≤ `count` ≤ `total`.

    The interval is the exact one of the binomial distribution (Clopper and Pearson 1934), which is fair to few votes.
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # noqa: PLC0415 - as in `t_interval`

    error = (1 - CONFIDENCE) / compared / 2
    low = float(betaincinv(count, total - count + 1, error)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - error)) if count < total else 1.0
    return VoteShare(count, total, low, high)


def beats_chance(share: VoteShare, variants: int) -> bool:
    """Whether the votes say that the variant is called best more often than one drawn blindly among `variants`."""
    return share.low > 1 / variants
