"""A planned analysis as it stands, complete or not: its pictures, what they show, and what they suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure import (
    CHANGE,
    DIFF,
    INSIDE,
    NOISE_FLOOR,
    OUTSIDE,
    BlockEffects,
    EffectTable,
    SceneName,
    Suggestion,
    Verdict,
    typical_ratio,
)
from blockweight.plan import Job
from blockweight.project import AnalysisFacts, AnalysisPlan, AppliedSuggestion
from blockweight.workflow.analysis.ask import REGION
from blockweight.workflow.analysis.findings import Findings
from blockweight.workflow.analysis.pictures import suggestions_of
from blockweight.workflow.analysis_figures import Figures, figures_of
from blockweight.workflow.analysis_files import kept_findings
from blockweight.workflow.project_analysis import (
    analysis_cost,
    analysis_jobs,
    current_plan,
    found_analysis,
    mask_for,
)
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost


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
    """The planned analysis. `number` is that of the complete one (`AnalysisFacts.number`), None before, and `folder`
    the name of the project's folder with all that it found, empty before; `findings` is what it found, None before, and
    where the folder is gone. `sources` are the job keys of the scenes' pictures without a change, and whether they are
    there. `suggested_from` tells on how many of the
    scenes the suggestions rest; `typical` how many times as strongly all blocks together work inside the mask as
    outside (None without a mask, or with no suggestion yet). `cost` is the pictures', and `stale` whether the project's
    scenes are others now."""

    plan: AnalysisPlan
    number: int | None
    folder: str
    findings: Findings | None
    sources: tuple[tuple[str, bool], ...]
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
    found = found_analysis(state, plan)
    rows = analysis_jobs(state, plan)
    pairs = _pairs(tuning, plan, rows, found) if plan.method == "eba" else {}
    table = _table(plan, pairs)
    suggested = _suggested(plan, found, table)
    whole = _whole(table)
    typical = typical_ratio(table.of_scenes(whole).block_effects(), NOISE_FLOOR) if suggested and plan.masks else None
    effects = {effect.block: effect for effect in table.block_effects()}
    blocks = tuple(
        AnalysedBlock(block, pairs.get(block, ()), effects.get(block), suggested.get(block), state.applied.get(block))
        for block in plan.blocks
    )
    return AnalysisView(
        plan=plan,
        number=None if found is None else found.number,
        folder="" if found is None else found.folder,
        findings=_findings(tuning, found),
        sources=tuple((row[0].key, tuning.project.pictures.path(row[0]).is_file()) for row in rows),
        blocks=blocks,
        cost=analysis_cost(tuning, state, plan),
        suggested_from=len(whole) if suggested else 0,
        typical=typical,
        stale=not (set(plan.scenes) <= set(state.scenes) if plan.part else set(plan.scenes) == set(state.scenes)),
    )


def _findings(tuning: TuningProject, found: AnalysisFacts | None) -> Findings | None:
    if found is None or not found.folder:
        return None
    try:
        return kept_findings(tuning.folder / found.folder)
    except BlockweightError:
        return None  # a folder may be deleted, and none comes with an imported project


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


def _table(plan: AnalysisPlan, pairs: Mapping[str, Sequence[AnalysisPair]]) -> EffectTable:
    """All figures that there are."""
    measures = {DIFF: "diff", CHANGE: "overall"}
    if plan.masks:
        measures |= {f"{CHANGE}:{INSIDE}": "inside", f"{CHANGE}:{OUTSIDE}": "outside"}
    values = np.full((len(measures), len(plan.blocks), len(plan.scenes)), np.nan)
    for row, block in enumerate(plan.blocks):
        for column, pair in enumerate(pairs.get(block, ())):
            if pair.figures is not None:
                values[:, row, column] = [getattr(pair.figures, name) for name in measures.values()]
    scenes = tuple(SceneName(scene.label, scene.seed, scene.prompt) for scene in plan.scenes)
    return EffectTable(tuple(measures), plan.blocks, scenes, values)


def _whole(table: EffectTable) -> list[int]:
    """The scenes in which every block is measured."""
    return [int(scene) for scene in np.flatnonzero(~np.isnan(table.values).any(axis=(0, 1)))]


def _figures(tuning: TuningProject, plan: AnalysisPlan, scene: int, pair: AnalysisPair) -> Figures | None:
    if not (pair.source_ready and pair.changed_ready):
        return None
    try:
        return figures_of(tuning, pair.changed, pair.source, plan.threshold, mask_for(plan, scene))
    except BlockweightError:
        return None  # a damaged picture is rendered anew, and a mask that is gone is asked for then


def _recorded(plan: AnalysisPlan, found: AnalysisFacts) -> dict[str, list[Figures | None]]:
    """Block → its figures, scene by scene, as they were recorded; None where an adaptive analysis took none."""
    made = {}
    for block in plan.blocks:
        told = found.effects[block]
        columns = [told["diff"], told["overall"], *([told["inside"], told["outside"]] if plan.masks else [])]
        made[block] = [None if None in samples else Figures(*samples) for samples in zip(*columns, strict=True)]
    return made


def _suggested(plan: AnalysisPlan, found: AnalysisFacts | None, table: EffectTable) -> dict[str, Suggestion]:
    region = plan.region or REGION
    if found is None:
        whole = table.of_scenes(_whole(table))
        return {each.block: each for each in suggestions_of(whole, region)} if len(whole.scenes) > 1 else {}
    reckoned = suggestions_of(table, region, adaptive=plan.adaptive)
    told = ((each, found.suggestions[each.block]) for each in reckoned)
    recorded = ((each, Suggestion(each.block, Verdict(said[0]), said[1:])) for each, said in told)
    # What was recorded stands, also where a later version would suggest something else.
    return {each.block: each if each == old else old for each, old in recorded}
