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

VISIBLE = 1.0
"""A change of this many percent can be seen: less harm than that is not worth a step, and steps that cost less alone
may not cost more together."""

SHARES = (1.0, 0.5, 0.25)
"""How much of a block's step is tried, in this order."""


def decide(
    trials: Sequence[Trial], current: Mapping[str, float], measure: Measure, least_good: float
) -> tuple[Decision, ...]:
    """Take steps away from `current`, cheapest first: those that lose least good for the harm they remove.

    What blocks do does not add up, so each step is measured together with all that were accepted before it. It is
    accepted, whole or by a part of SHARES, if harm visibly goes and the good stays at `least_good` percent or more (or
    where it is, if that is less).
    Steps that changed nothing visible in the round are taken first, all at once: fewer blocks, the same picture. If
    together they do cost something, none of them is taken. The decisions come in the order in which they were made.
    """
    weights = dict(current)
    decisions: dict[str, Decision] = {}
    unseen = [trial for trial in trials if abs(trial.harm) <= NEGLIGIBLE and abs(trial.good) <= NEGLIGIBLE]
    seen = [trial for trial in trials if trial not in unseen]
    harm, good = _take_unseen(unseen, weights, decisions, measure, least_good)
    for trial in sorted(seen, key=lambda trial: (_price(trial), trial.block)):
        now = weights[trial.block]
        if trial.harm >= 0.0:
            decisions[trial.block] = Decision(trial.block, now, "takes no harm away", accepted=False)
            continue
        if harm <= 0.0:
            decisions[trial.block] = Decision(trial.block, now, "not needed, the harm is gone", accepted=False)
            continue
        reason = "takes no visible harm away after the others"
        decision = Decision(trial.block, now, reason, accepted=False)
        for share in SHARES:
            value = now + share * (trial.value - now)
            left, kept = measure(f"{trial.block} at {value:g}", {**weights, trial.block: value})
            if left > harm - VISIBLE:
                continue
            if kept < min(least_good, good):
                decision = Decision(trial.block, now, "costs too much of the good", accepted=False)
                continue
            reason = f"harm {harm:.0f} → {left:.0f} %, good {good:.0f} → {kept:.0f} %"
            decision = Decision(trial.block, value, reason, accepted=True)
            weights[trial.block], harm, good = value, left, kept
            break
        decisions[trial.block] = decision
    return tuple(decisions.values())


def _take_unseen(
    unseen: Sequence[Trial],
    weights: dict[str, float],
    decisions: dict[str, Decision],
    measure: Measure,
    least_good: float,
) -> tuple[float, float]:
    """Take the steps that nobody would miss, if nobody misses them together; returns the harm and good then left."""
    before = measure("the round's base line", weights)
    if not unseen:
        return before
    together = {**weights, **{trial.block: trial.value for trial in unseen}}
    after = measure("all without visible effect", together)
    enough = min(before[1], least_good)  # what the useful steps may still need is not spent on the others
    accepted = after[0] <= before[0] + VISIBLE and after[1] >= max(before[1] - VISIBLE, enough)
    for trial in unseen:
        reason = "nothing visible is lost" if accepted else "seen only together with others of no visible effect"
        value = trial.value if accepted else weights[trial.block]
        decisions[trial.block] = Decision(trial.block, value, reason, accepted)
    if not accepted:
        return before
    weights.update(together)
    return after


def _price(trial: Trial) -> float:
    """Good lost per harm removed; the cheapest first, steps that do not help last."""
    return float("inf") if trial.harm >= 0.0 else max(0.0, -trial.good) / -trial.harm
