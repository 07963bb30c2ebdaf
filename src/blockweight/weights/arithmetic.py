"""Block weights compared and mixed, block by block, in exact fractions and rounded as people write numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.weights.block_weights import BlockWeights

PLACES = 6
"""Decimals that a mixed weight keeps: 1/3 is 0.333333."""


def difference(first: BlockWeights, second: BlockWeights) -> dict[str, tuple[float, float]]:
    """The blocks (REST among them) whose weights differ, each with its weight in both. BlockweightError for different
    layouts."""
    _refuse_layouts(first, second)
    pairs = {block: (value, second.weight(block)) for block, value in first.items()}
    pairs[REST] = (first.rest, second.rest)
    return {block: (old, new) for block, (old, new) in pairs.items() if old != new}


def interpolate(first: BlockWeights, second: BlockWeights, at: float, name: str) -> BlockWeights:
    """(1 - at) × first + at × second for every block and REST; `at` may lie outside 0 to 1. BlockweightError for
    different layouts."""
    return _mixed((first, second), (1 - _exact(at), _exact(at)), name)


def average(weights: Sequence[BlockWeights], shares: Sequence[float], name: str) -> BlockWeights:
    """Σ share × weight / Σ share for every block and REST. BlockweightError for different layouts, another count of
    shares than of weights, and shares whose sum is 0."""
    if len(shares) != len(weights):
        raise BlockweightError(f"{len(shares)} shares were given for {len(weights)} weights; give one for each.")
    exact = [_exact(share) for share in shares]
    total = sum(exact, Fraction(0))
    if total == 0:
        raise BlockweightError("The shares add up to 0, so there is no average; give shares above 0.")
    return _mixed(weights, [share / total for share in exact], name)


def combined(first: BlockWeights, second: BlockWeights, name: str) -> BlockWeights:
    """The first with the second's weight wherever its own is 0, as LoRA Block Weight combines "Original Weights" of two
    axes: nothing is added where both are something. REST too. BlockweightError for different layouts."""
    _refuse_layouts(first, second)
    values = tuple(one or other for one, other in zip(first.values, second.values, strict=True))
    return replace(first, name=name, values=values, rest=first.rest or second.rest)


def complement(weights: BlockWeights, name: str) -> BlockWeights:
    """1 less each weight, which may be below 0: LoRA Block Weight's ZYX beside XYZ. REST stays as it is."""
    return replace(weights, name=name, values=tuple(float(1 - _exact(value)) for value in weights.values))


def _mixed(weights: Sequence[BlockWeights], shares: Sequence[Fraction], name: str) -> BlockWeights:
    _refuse_layouts(*weights)

    def mixed(values: Sequence[float]) -> float:
        parts = (share * _exact(value) for share, value in zip(shares, values, strict=True))
        try:
            return float(round(sum(parts, Fraction(0)), PLACES))
        except OverflowError:
            raise BlockweightError("A mixed weight is beyond the largest number; give smaller ones.") from None

    columns = zip(*(each.values for each in weights), strict=True)
    rest = mixed([each.rest for each in weights])
    return replace(weights[0], name=name, values=tuple(map(mixed, columns)), rest=rest)


def _exact(value: float) -> Fraction:
    """The decimal that a person sees: 0.1 is 1/10."""
    return Fraction(repr(value))


def _refuse_layouts(*weights: BlockWeights) -> None:
    first = weights[0].layout
    for each in weights[1:]:
        if each.layout.blocks != first.blocks:
            raise BlockweightError(
                f"The layouts {first.name} and {each.layout.name} have different blocks; convert one to the other "
                "first (blockweight weights convert … --to …)."
            )
