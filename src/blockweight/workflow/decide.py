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


NEGLIGIBLE = 0.1
"""Changes of a mean below this many levels cannot be seen."""


def decide(trials: Sequence[Trial], current: Mapping[str, float], budget: float) -> tuple[Decision, ...]:
    """Accept the steps that take away most harm for the least loss of good, until the losses add up to `budget`
    (≥ 0, the unit of `good`); the other blocks stay as they are. Effects of single steps are taken to add up, which
    the caller should check on a picture with all decisions.

    Steps that change nothing visible are accepted whatever the budget: fewer blocks, the same picture.
    """
    decisions: dict[str, Decision] = {}
    spent = 0.0
    for trial in sorted(trials, key=lambda trial: (_price(trial), trial.block)):
        loss = max(0.0, -trial.good)
        figures = f"harm {trial.harm:+.1f}, good {trial.good:+.1f} levels"
        if abs(trial.harm) <= NEGLIGIBLE and loss <= NEGLIGIBLE:
            accepted, why = True, "nothing visible is lost"
        elif trial.harm >= 0.0:
            accepted, why = False, "it takes no harm away"
        elif spent + loss > budget:
            accepted, why = False, "it would cost too much of the good"
        else:
            accepted, why = True, "accepted"
            spent += loss
        value = trial.value if accepted else current[trial.block]
        decisions[trial.block] = Decision(trial.block, value, f"{figures}: {why}", accepted)
    return tuple(decisions[trial.block] for trial in trials)


def _price(trial: Trial) -> float:
    """Good lost per harm removed; the cheapest first, steps that do not help last."""
    return float("inf") if trial.harm >= 0.0 else max(0.0, -trial.good) / -trial.harm
