"""From suggestions to weights, and from a round's measurements to decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from blockweight.blocks import Layout
from blockweight.measure import Suggestion, Verdict
from blockweight.weights import BlockWeights

_START = {Verdict.KEEP: 1.0, Verdict.DROP: 0.0, Verdict.UNKNOWN: 1.0}
"""Only what the measurement settled is taken away before the round. The tutorial's author starts undecided blocks at
0.5 and raises them again by eye; one measured round goes down only, and half of every undecided block would already
have cost the horns and ears."""


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
    good) and the change of the good that is to stay (below 0 is a loss), both in percent of what the LoRA does at
    ALL=1."""

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


Measure = Callable[[str, Mapping[str, float]], tuple[float, float]]
"""A title for the progress and block → weight, to the harm and the good that these weights leave: percent of what the
LoRA does at ALL=1."""

NEGLIGIBLE = 0.3
"""Changes below this many percent of what the LoRA does cannot be seen."""

SHARES = (1.0, 0.5, 0.25)
"""How much of a block's step is tried, in this order."""


def decide(
    trials: Sequence[Trial], current: Mapping[str, float], measure: Measure, least_good: float
) -> tuple[Decision, ...]:
    """Take steps away from `current`, cheapest first: those that lose least good for the harm they remove.

    What blocks do does not add up, so each step is measured together with all that were accepted before it. It is
    accepted, whole or by a part of SHARES, if harm goes and the good stays at `least_good` percent or more. Steps that
    changed nothing visible in the round are taken first and unmeasured: fewer blocks, the same picture.
    """
    weights = dict(current)
    decisions: dict[str, Decision] = {}
    ordered = sorted(trials, key=lambda trial: (_price(trial), trial.block))
    for trial in ordered:
        if abs(trial.harm) <= NEGLIGIBLE and trial.good >= -NEGLIGIBLE:
            weights[trial.block] = trial.value
            decisions[trial.block] = Decision(trial.block, trial.value, "nothing visible is lost", accepted=True)
    harm = good = None
    for trial in ordered:
        if trial.block in decisions:
            continue
        if trial.harm >= 0.0:
            decisions[trial.block] = Decision(trial.block, current[trial.block], "takes no harm away", accepted=False)
            continue
        if harm is None:
            harm, good = measure("what nobody will miss", weights)
        if harm <= 0.0:
            reason = "not needed, the harm is gone"
            decisions[trial.block] = Decision(trial.block, current[trial.block], reason, accepted=False)
            continue
        decision = Decision(trial.block, current[trial.block], "costs too much of the good", accepted=False)
        for share in SHARES:
            value = current[trial.block] + share * (trial.value - current[trial.block])
            left, kept = measure(f"{trial.block} at {value:g}", {**weights, trial.block: value})
            if left < harm and kept >= least_good:
                reason = f"harm {harm:.0f} → {left:.0f} %, good {good:.0f} → {kept:.0f} %"
                decision = Decision(trial.block, value, reason, accepted=True)
                weights[trial.block], harm, good = value, left, kept
                break
        decisions[trial.block] = decision
    return tuple(decisions[trial.block] for trial in trials)


def _price(trial: Trial) -> float:
    """Good lost per harm removed; the cheapest first, steps that do not help last."""
    return float("inf") if trial.harm >= 0.0 else max(0.0, -trial.good) / -trial.harm
