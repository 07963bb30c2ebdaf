"""The Effective Block Analyzer's way: one block at a time, whole pictures, in all scenes or in as many as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockweight.measure import EffectTable, Objective, SequentialPlan, next_step, planned_looks
from blockweight.plan import Job
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.objectives import objectives_in
from blockweight.workflow.analysis.pictures import empty_values, measured, table_of

TITLE = "Analysing the blocks"

FIRST = 2
"""Scenes with which an adaptive analysis begins."""

Samples = Iterable[tuple[str, int]]
"""(block, the scene's place), each a pair of pictures."""


def eba_table(ask: AnalysisAsk, bench: Bench) -> EffectTable:
    """Render what the analysis needs and measure it. Paused if it is stopped before."""
    objectives = objectives_in(ask, bench)
    values = empty_values(ask)
    wanted: Sequence[tuple[str, int]] = first_samples(ask)
    while wanted:
        bench.render(TITLE, jobs_of(ask, wanted))
        measure_pictures(ask, bench, wanted, objectives, values)
        wanted = more_samples(ask, table_of(ask, values))
    return table_of(ask, values)


def first_samples(ask: AnalysisAsk) -> list[tuple[str, int]]:
    """All pairs of pictures; of an adaptive analysis those of the first scenes."""
    scenes = range(min(FIRST, len(ask.scenes)) if ask.adaptive else len(ask.scenes))
    return [(block, scene) for scene in scenes for block in ask.blocks]


def more_samples(ask: AnalysisAsk, table: EffectTable) -> Sequence[tuple[str, int]]:
    """What an adaptive analysis wants next, after what the table has; nothing once everything is settled, or the scenes
    are used up."""
    if not ask.adaptive or len(ask.scenes) < FIRST:
        return ()
    return next_step(table, SequentialPlan(planned_looks(len(ask.scenes)), region=ask.called)).more


def jobs_of(ask: AnalysisAsk, wanted: Samples) -> list[Job]:
    """The pictures of these samples, in each scene the source first."""
    by_scene = _by_scene(wanted)
    return [
        job
        for scene, blocks in by_scene.items()
        for job in (ask.source(scene), *(ask.changed(scene, block) for block in blocks))
    ]


def measure_pictures(
    ask: AnalysisAsk,
    bench: Bench,
    wanted: Samples,
    objectives: Sequence[Mapping[str, Objective]],
    values: NDArray[np.float64],
) -> None:
    """Measure these samples into `values` (aspects, blocks, scenes). Two pictures are in memory at a time."""
    for scene, blocks in _by_scene(wanted).items():
        source, mask = bench.picture(ask.source(scene)), ask.mask(scene)
        for block in blocks:
            picture = bench.picture(ask.changed(scene, block))
            found = measured(ask, picture, source, mask, objectives[scene])
            values[:, ask.blocks.index(block), scene] = found


def _by_scene(wanted: Samples) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for block, scene in wanted:
        found.setdefault(scene, []).append(block)
    return found
