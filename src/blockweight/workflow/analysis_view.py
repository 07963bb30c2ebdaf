"""A planned analysis as it stands, complete or not: its pictures, what they show, and what they suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from blockweight.errors import BlockweightError
from blockweight.measure import NOISE_FLOOR, BlockEffects, Suggestion, Verdict, suggest_all, typical_ratio
from blockweight.plan import Job
from blockweight.project import AnalysisFacts, AnalysisPlan, AppliedSuggestion
from blockweight.workflow.analysis_figures import Figures, effects_of, figures_of
from blockweight.workflow.project_analysis import (
    REGION,
    analysis_jobs,
    current_plan,
    found_analysis,
    mask_for,
)
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, cost_of


@dataclass(frozen=True)
class AnalysisPair:
    """A block in one scene: the job keys of the source and of the picture with the block changed, which of them are
    there, and what they show (None until both are there)."""

    source: str
    changed: str
    source_ready: bool
    changed_ready: bool
    figures: Figures | None


@dataclass(frozen=True)
class AnalysedBlock:
    """A block in every scene of the plan. `effects` are those of the scenes that have both pictures (None: of none);
    `suggestion` is None until every block has two scenes; `applied` is what a suggestion did to the block."""

    block: str
    pairs: tuple[AnalysisPair, ...]
    effects: BlockEffects | None
    suggestion: Suggestion | None
    applied: AppliedSuggestion | None


@dataclass(frozen=True)
class AnalysisView:
    """The planned analysis. `number` is that of the complete one (`AnalysisFacts.number`), None before;
    `suggested_from` tells on how many of the scenes the suggestions rest; `typical` how many times as strongly all
    blocks together work inside the mask as outside (None without a mask, or with no suggestion yet). `cost` is the
    pictures', and `stale` whether the project's scenes are others now."""

    plan: AnalysisPlan
    number: int | None
    blocks: tuple[AnalysedBlock, ...]
    cost: Cost
    suggested_from: int
    typical: float | None
    stale: bool


def analysis_view(tuning: TuningProject) -> AnalysisView | None:
    """The analysis planned last that was not cancelled; None if there is none. Pictures that are new since the last
    call are measured, no others."""
    state = tuning.state()
    plan = current_plan(state)
    if plan is None:
        return None
    rows, found = analysis_jobs(state, plan), found_analysis(state, plan)
    pairs = _pairs(tuning, plan, rows, found)
    prompts = [scene.prompt for scene in plan.scenes]
    effects = _effects(pairs, prompts)
    suggested = _suggested(plan, found, effects)
    blocks = tuple(
        AnalysedBlock(block, row, _effects_of(block, row, prompts), suggested.get(block), state.applied.get(block))
        for block, row in pairs.items()
    )
    return AnalysisView(
        plan=plan,
        number=None if found is None else found.number,
        blocks=blocks,
        cost=cost_of(tuning.project, list(chain(*rows))),
        suggested_from=len(effects[0].diff.samples) if suggested else 0,
        typical=typical_ratio(effects, NOISE_FLOOR) if suggested and plan.masks else None,
        stale=state.scenes != plan.scenes,
    )


def _pairs(
    tuning: TuningProject, plan: AnalysisPlan, rows: Sequence[Sequence[Job]], found: AnalysisFacts | None
) -> dict[str, tuple[AnalysisPair, ...]]:
    """Block → its pictures and figures, scene by scene."""
    ready = [[tuning.project.pictures.path(job).is_file() for job in row] for row in rows]
    recorded = None if found is None else _recorded(plan, found)
    pairs = {}
    for number, block in enumerate(plan.blocks, 1):
        made = []
        for scene, row in enumerate(rows):
            pair = AnalysisPair(row[0].key, row[number].key, ready[scene][0], ready[scene][number], None)
            figures = _figures(tuning, plan, scene, pair) if recorded is None else recorded[block][scene]
            made.append(replace(pair, figures=figures))
        pairs[block] = tuple(made)
    return pairs


def _effects_of(block: str, pairs: Sequence[AnalysisPair], prompts: Sequence[str]) -> BlockEffects | None:
    found = [(pair.figures, prompt) for pair, prompt in zip(pairs, prompts, strict=True) if pair.figures is not None]
    return effects_of(block, *zip(*found, strict=True)) if found else None


def _figures(tuning: TuningProject, plan: AnalysisPlan, scene: int, pair: AnalysisPair) -> Figures | None:
    if not (pair.source_ready and pair.changed_ready):
        return None
    try:
        return figures_of(tuning, pair.changed, pair.source, plan.threshold, mask_for(plan, scene))
    except BlockweightError:
        return None  # a damaged picture is rendered anew, and a mask that is gone is asked for then


def _recorded(plan: AnalysisPlan, found: AnalysisFacts) -> dict[str, list[Figures]]:
    """Block → its figures, scene by scene, as they were recorded."""
    made = {}
    for block in plan.blocks:
        told = found.effects[block]
        columns = [told["diff"], told["overall"], *([told["inside"], told["outside"]] if plan.masks else [])]
        made[block] = [Figures(*samples) for samples in zip(*columns, strict=True)]
    return made


def _effects(pairs: Mapping[str, Sequence[AnalysisPair]], prompts: Sequence[str]) -> tuple[BlockEffects, ...]:
    """The effects in the scenes in which every block is measured."""
    rows = [[pair.figures for pair in row] for row in pairs.values()]
    whole = [scene for scene, column in enumerate(zip(*rows, strict=True)) if all(column)]
    if not whole:
        return ()
    kept = ([row[scene] for scene in whole] for row in rows)
    told = [prompts[scene] for scene in whole]
    return tuple(effects_of(block, list(filter(None, row)), told) for block, row in zip(pairs, kept, strict=True))


def _suggested(
    plan: AnalysisPlan, found: AnalysisFacts | None, effects: Sequence[BlockEffects]
) -> dict[str, Suggestion]:
    reckoned = suggest_all(effects, NOISE_FLOOR, region=plan.region or REGION) if effects else ()
    if found is None:
        return {each.block: each for each in reckoned if len(effects[0].diff.samples) > 1}
    told = ((each, found.suggestions[each.block]) for each in reckoned)
    recorded = ((each, Suggestion(each.block, Verdict(said[0]), said[1:])) for each, said in told)
    # What was recorded stands, also where a later version would suggest something else.
    return {each.block: each if each == old else old for each, old in recorded}
