"""What a search by preference is asked for, checked against the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure import Segment, parse_wishes
from blockweight.plan import Scene, taking_turns
from blockweight.project import AnalysisPlan, Choosing, TuningState
from blockweight.render.scales import check_scales
from blockweight.workflow.choosing.proposing import first_round
from blockweight.workflow.search.asking import SearchAsked, asked_weights, latest_effects_plan
from blockweight.workflow.search.grouping import Analysed, segments_for
from blockweight.workflow.tuning_project import TuningProject

SCENES = 2
"""How many scenes a round is shown in, unless somebody says which."""

_SEGMENTS = 6
"""How many segments are made, unless somebody says: as an automatic search of 24 trials has."""

_LIKED = parse_wishes("raise kept, raise gone")
"""What segments tell apart, as nobody knows what a person will like: what blocks do inside the mask, and outside."""


@dataclass(frozen=True)
class ChoosingAsked:
    """What a person asks for, as it is typed: `segments` as text, as a number of them, or empty, a `grid` of weights or
    two ends `between` which any weight will do, the numbers of the `scenes` from 1 (none: two of different prompts, if
    there are), and the `seed` of all that is drawn."""

    segments: str = ""
    grid: str = ""
    between: tuple[float, float] | None = None
    scenes: tuple[int, ...] = ()
    seed: int | None = None


def ask_choosing(tuning: TuningProject, asked: ChoosingAsked) -> Choosing:
    """Check what is asked for; nothing is written. Segments are made as for an automatic search
    (`search.asking.ask_search`), of all scenes that the latest analysis saw; it starts from the project's weights.

    BlockweightError for no analysis to make segments from, fixed blocks, and what else cannot be read or does not fit.
    """
    state = tuning.state()
    analysis = latest_effects_plan(state)
    analysed = None if analysis is None else Analysed(analysis, analysis.scenes, _LIKED, None)
    grid, limits = asked_weights(SearchAsked(grid=asked.grid, between=asked.between))
    segments = segments_for(tuning, state, asked.segments, analysed, _SEGMENTS)
    planned = Choosing(
        number=0,
        segments=segments,
        weights=state.weights,
        grid=grid,
        limits=limits,
        scenes=_scenes(state, asked.scenes),
        seed=1 if asked.seed is None else asked.seed,
        matters=() if analysis is None else _matters(state, analysis, segments),
    )
    for end in limits:
        made = planned.weights_of([end] * len(segments), state.weights.name)
        check_scales(made.name, made, state.subject.blocks, state.lora.strength)
    return replace(planned, rounds=(first_round(planned, _start(planned)),))


def _start(planned: Choosing) -> tuple[float, ...]:
    """The project's weights as one a segment, the mean of its blocks', within the limits."""
    low, high = planned.limits
    means = (float(np.mean([planned.weights.weight(block) for block in each.blocks])) for each in planned.segments)
    if not planned.grid:
        return tuple(round(min(max(mean, low), high), 3) for mean in means)
    return tuple(min(planned.grid, key=lambda weight: abs(weight - mean)) for mean in means)


def _scenes(state: TuningState, numbers: Sequence[int]) -> tuple[Scene, ...]:
    for number in numbers:
        if not 1 <= number <= len(state.scenes):
            raise BlockweightError(f"The project has no scene {number}; its scenes are 1 to {len(state.scenes)}.")
    return tuple(state.scenes[number - 1] for number in dict.fromkeys(numbers or usual_scenes(state)))


def usual_scenes(state: TuningState) -> tuple[int, ...]:
    """The numbers of the scenes of a round, from 1, where nobody says which: of different prompts, if there are."""
    return tuple(place + 1 for place in sorted(taking_turns(state.scenes)[:SCENES]))


def _matters(state: TuningState, analysis: AnalysisPlan, segments: Sequence[Segment]) -> tuple[float, ...]:
    """How much each segment was measured to do: the sum of its blocks' mean effects, in levels; 0 for what was not
    analysed."""
    (facts,) = (each for each in state.analyses if each.plan == analysis.number)

    def effect(block: str) -> float:
        samples = [one for column in facts.effects.get(block, {}).values() for one in column if one is not None]
        return float(np.mean(samples)) if samples else 0.0

    return tuple(round(sum(map(effect, each.blocks)), 4) for each in segments)
