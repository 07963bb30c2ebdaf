"""From suggestions to weights, and from a round's measurements to decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blockweight.blocks import Layout
from blockweight.measure import Suggestion, Verdict
from blockweight.weights import BlockWeights

_START = {Verdict.KEEP: 1.0, Verdict.DROP: 0.0, Verdict.UNKNOWN: 0.5}
"""The tutorial's starting weights: important blocks 1, unimportant 0, undecided 0.5."""


def starting_weights(
    name: str, layout: Layout, suggestions: Sequence[Suggestion]
) -> tuple[BlockWeights, tuple[str, ...]]:
    """The weights to begin the first round with, and the blocks whose weight the suggestions fix."""
    verdicts = {suggestion.block: suggestion.verdict for suggestion in suggestions}
    values = tuple(_START[verdicts.get(block, Verdict.UNKNOWN)] for block in layout.blocks)
    fixed = tuple(block for block in layout.blocks if verdicts.get(block, Verdict.UNKNOWN) is not Verdict.UNKNOWN)
    return BlockWeights(name, layout, values), fixed


@dataclass(frozen=True)
class Trial:
    """What one block's step did, against the round's base line: the change of the harm that is to go (below 0 is
    good) and the change of the good that is to stay (below 0 is a loss), both in the same unit."""

    block: str
    value: float
    harm: float
    good: float


@dataclass(frozen=True)
class Decision:
    """A block's weight, decided, with the reason in words."""

    block: str
    value: float
    reason: str
    accepted: bool


def decide(trials: Sequence[Trial], current: Mapping[str, float], budget: float) -> tuple[Decision, ...]:
    """Accept the steps that take away most harm for the least loss of good, until the losses add up to `budget`
    (≥ 0, the unit of `good`); the other blocks stay as they are. Effects of single steps are taken to add up, which
    the caller should check on a picture with all decisions.

    Steps that lose nothing and do no new harm are accepted whatever the budget: fewer blocks, the same picture.
    """
    decisions: dict[str, Decision] = {}
    spent = 0.0
    for trial in sorted(trials, key=lambda trial: (_price(trial), trial.block)):
        loss = max(0.0, -trial.good)
        free = loss == 0.0 and trial.harm <= 0.0
        worth = trial.harm < 0.0 and spent + loss <= budget
        figures = f"harm {trial.harm:+.1f}, good {trial.good:+.1f} levels"
        if free or worth:
            spent += loss
            decisions[trial.block] = Decision(trial.block, trial.value, f"{figures}: accepted", accepted=True)
            continue
        why = "it takes no harm away" if trial.harm >= 0.0 else "it would cost too much of the good"
        decisions[trial.block] = Decision(trial.block, current[trial.block], f"{figures}: {why}", accepted=False)
    return tuple(decisions[trial.block] for trial in trials)


def _price(trial: Trial) -> float:
    """Good lost per harm removed; the cheapest first, steps that do not help last."""
    if trial.harm >= 0.0:
        return float("inf")
    return max(0.0, -trial.good) / -trial.harm
