"""Where a search begins: at all ones, at each segment lowered alone, and at what the analysis foretells to be good."""

from __future__ import annotations

import numpy as np

from blockweight.measure import ForetoldScene, Tried, foretold_values, sparse_front, spread_out
from blockweight.project import SearchPlan, TuningState
from blockweight.workflow.block_pictures import BlockPictures
from blockweight.workflow.project_analysis import analysis_jobs
from blockweight.workflow.search.measuring import Gauge
from blockweight.workflow.search.space import Space
from blockweight.workflow.search.study import Draw

FORETOLD = 8
"""At most so many begin the search because the analysis foretells them."""

LOOKED_AT = 512
"""How many points are foretold."""


def space_of(plan: SearchPlan) -> Space:
    """What the search may try."""
    return Space(tuple(segment.name for segment in plan.every_segment), plan.grid, plan.limits)


def draw_of(plan: SearchPlan) -> Draw:
    """How its points are drawn."""
    return Draw(plan.sampler, plan.seed, plan.trials)


def first_points(state: TuningState, plan: SearchPlan, gauge: Gauge) -> tuple[tuple[float, ...], ...]:
    """What to try first, as weights of the segments. A quarter of the trials at most, so that the search is left with
    something to do."""
    space = space_of(plan)
    count = len(space.segments)
    ones, least = space.nearest([1.0] * count), space.nearest([plan.limits[0]] * count)
    alone = [(*ones[:place], least[place], *ones[place + 1 :]) for place in range(len(ones))]
    # The analysis knows nothing of a further LoRA; the conflict table does.
    good = _foretold(state, plan, gauge, space) if plan.also is None else tuple(map(space.nearest, plan.also.first))
    points = dict.fromkeys([ones, *good, *alone])
    return tuple(points)[: max(2, plan.trials // 4)]


def _foretold(state: TuningState, plan: SearchPlan, gauge: Gauge, space: Space) -> tuple[tuple[float, ...], ...]:
    """The front that the effects of the analysis foretell for the scenes that are searched in."""
    analysis = next((each for each in state.analysis_plans if each.number == plan.analysis), None)
    if analysis is None:
        return ()
    project, places = gauge.bench.project, {scene: place for place, scene in enumerate(gauge.scenes)}
    scenes = []
    for first, *changed in analysis_jobs(state, analysis):
        if first.scene in places and (source := project.pictures.load(first)) is not None:
            pairs = zip(analysis.blocks, changed, strict=True)
            there = {block: job for block, job in pairs if project.pictures.path(job).is_file()}
            measured_by = gauge.measured_by[places[first.scene]]
            scenes.append(ForetoldScene(source, BlockPictures(project, there), measured_by))
    # A model would have to look at every foretold picture, so what it tells is not foretold.
    wishes = tuple(wish for wish in gauge.wishes if not wish.needs_model)
    if not scenes or all(wish.bound is not None for wish in wishes):
        return ()
    points = space.drawn(LOOKED_AT, plan.seed)
    values = foretold_values(wishes, scenes, plan.segments, points, analysis.value, analysis.base)
    tried = [
        Tried(number, tuple(map(float, row)), plan.changed(points[number]))
        for number, row in enumerate(values)
        if not np.isnan(row).any()
    ]
    front = spread_out(wishes, sparse_front(wishes, tried), FORETOLD) if tried else ()
    return tuple(points[each.number] for each in front)
