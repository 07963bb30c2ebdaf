"""Which of the strongest blocks do not add up: pictures with two of them changed at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blockweight.measure import CHANGE, EffectTable, InteractionTable, measure_interactions
from blockweight.plan import Job, PairAnalysis, plan_pairs
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench

TITLE = "Pairs of blocks"

SCENES = 3
"""In which pairs are rendered: enough for an interval, and there are many pairs."""


def strongest(ask: AnalysisAsk, table: EffectTable) -> tuple[str, ...]:
    """The ask's number of strongest blocks, in its order; none if there are not two."""
    effects = sorted(table.effects(CHANGE), key=lambda effect: -effect.mean)[: ask.pairs]
    chosen = {effect.block for effect in effects}
    return tuple(block for block in ask.blocks if block in chosen) if len(chosen) > 1 else ()


def pair_count(blocks: int, scenes: int) -> int:
    """How many pictures the pairs of so many blocks take beside those of the blocks."""
    return blocks * (blocks - 1) // 2 * min(SCENES, scenes)


def pair_table(ask: AnalysisAsk, bench: Bench, table: EffectTable) -> InteractionTable | None:
    """What pairs of the strongest blocks do beyond the sum of each alone, in the first scenes. Paused if it is stopped
    before."""
    blocks = strongest(ask, table)
    if not blocks:
        return None
    bench.render(TITLE, pair_jobs(ask, blocks))
    plan = _plan(ask, blocks)
    places = range(min(SCENES, len(ask.scenes)))
    sizes = [_sizes(ask, bench, plan, place) for place in places]
    return InteractionTable(blocks, ask.scene_names[: len(places)], np.stack(sizes))


def pair_jobs(ask: AnalysisAsk, blocks: Sequence[str]) -> list[Job]:
    """The pictures that the pairs of these blocks are measured from, in the first scenes."""
    plan = _plan(ask, blocks)
    return [job for place in range(min(SCENES, len(ask.scenes))) for job in _jobs(ask, plan, place)]


def _plan(ask: AnalysisAsk, blocks: Sequence[str]) -> PairAnalysis:
    # In the ask's own source: REST stands at the base if it is one of the ask's blocks, though not of these.
    return plan_pairs(ask.layout, blocks, ask.value, ask.base, ask.plan.source.weights)


def _sizes(
    ask: AnalysisAsk, bench: Bench, plan: PairAnalysis, place: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    source, *others = [bench.picture(job) for job in _jobs(ask, plan, place)]
    singles = dict(zip(plan.blocks, others, strict=False))
    pairs = dict(zip([pair for pair, _ in plan.pairs], others[len(singles) :], strict=True))
    return measure_interactions(plan.blocks, source, singles, pairs)


def _jobs(ask: AnalysisAsk, plan: PairAnalysis, place: int) -> Sequence[Job]:
    singles = [ask.changed(place, block) for block in plan.blocks]
    pairs = [Job(ask.scenes[place], ask.lora, variant) for _, variant in plan.pairs]
    return [ask.source(place), *singles, *pairs]
