"""An analysis in a tuning project's own scenes: what it would cost, planning it, rendering and measuring it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.measure import DIFF_THRESHOLD, NOISE_FLOOR, suggest_all
from blockweight.plan import BlockAnalysis, Job, LoraUse, Scene, plan_block_analysis
from blockweight.project import (
    ANALYSIS_CANCELLED,
    ANALYSIS_PLANNED,
    AnalysisFacts,
    AnalysisPlan,
    TuningState,
    analysis_body,
)
from blockweight.render import Renderer
from blockweight.weights import parse_blocks
from blockweight.workflow.analysis_figures import effects_of, figures_of
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.tuning import record_analysis
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, RenderedPart, cost_of, render_jobs

REGION = "the masked region"
"""What a mask covers, where nobody gave it a name."""

MOST_REGION = 80
"""Letters in a region's name."""


def preview_analysis(tuning: TuningProject, blocks: str, value: float, base: float) -> Cost:
    """What `plan_analysis` of these would cost now; nothing is written."""
    state = tuning.state()
    chosen = _checked(state, blocks, value, base)
    plan = plan_block_analysis(state.subject.layout, chosen, value, base)
    return cost_of(tuning.project, list(chain(*_jobs(state.lora, state.scenes, plan))))


def plan_analysis(
    tuning: TuningProject,
    blocks: str = "",
    value: float = 0.5,
    base: float = 1.0,
    *,
    threshold: int = DIFF_THRESHOLD,
    masks: Sequence[str] = (),
    region: str = "",
    event_id: str = "",
) -> TuningState:
    """Ask for an analysis in the project's scenes: each of `blocks` (an expression; empty: all that the LoRA has) alone
    at `value` while the others stand at `base`. Blocks that the LoRA lacks are left out.

    `masks` are names of kept masks (`save_mask`): none, one for all scenes, or one per scene; `region` is what they
    cover, in words. One that was asked for already is not asked for twice. BlockweightError, with nothing planned, for
    blocks of which the LoRA has none, equal or infinite weights, a threshold outside 0…255, and masks that do not fit.
    """

    def body(state: TuningState) -> dict[str, object]:
        chosen = _checked(state, blocks, value, base)
        if not 0 <= threshold <= 255:
            raise BlockweightError(f"The threshold must be 0 to 255 levels, not {threshold}.")
        _check_masks(tuning, state.scenes, masks)
        return analysis_body(chosen, (value, base), threshold, masks, _checked_region(region), state.scenes)

    return tuning.log.add(ANALYSIS_PLANNED, body, event_id=event_id)


def render_analysis(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the latest planned analysis lacks; once nothing is left, measure it and record what it found.

    `stopped` is asked at every step, and so is whether the analysis was cancelled or another one planned meanwhile;
    after a stop, or a kill, the next call goes on. The renderer is made only if something is missing. BlockweightError
    if none is planned, the LoRA or a model is not where it was, or the renderer refuses.
    """
    plan = planned_analysis(tuning.state())

    def ended() -> bool:
        return stopped() or not _stands(tuning.state(), plan)

    part = RenderedPart(0, 0)
    missing = len(tuning.project.missing(list(chain(*analysis_jobs(tuning.state(), plan)))))
    if missing:
        jobs = list(chain(*analysis_jobs(check_places(tuning.log, plan.scenes), plan)))
        part = render_jobs(tuning.project, jobs, missing, "Analysing the blocks", make_renderer, progress, ended)
    state = tuning.state()
    if not part.left and _stands(state, plan) and found_analysis(state, plan) is None:
        _measure(tuning, state, plan)
    return part


def cancel_analysis(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Give the planned analysis up; its pictures are kept. BlockweightError if none is planned, or it is complete."""

    def body(state: TuningState) -> dict[str, object]:
        return {"plan": planned_analysis(state).number}

    return tuning.log.add(ANALYSIS_CANCELLED, body, event_id=event_id)


def current_plan(state: TuningState) -> AnalysisPlan | None:
    """The analysis planned last that was not cancelled."""
    return next((plan for plan in reversed(state.analysis_plans) if not plan.cancelled), None)


def planned_analysis(state: TuningState) -> AnalysisPlan:
    """The analysis planned last that was not cancelled; BlockweightError if there is none."""
    plan = current_plan(state)
    if plan is None:
        raise BlockweightError("No analysis is planned; begin one with 'blockweight tune analyze'.")
    return plan


def found_analysis(state: TuningState, plan: AnalysisPlan) -> AnalysisFacts | None:
    """What the planned analysis found; None as long as it is not complete."""
    return next((found for found in state.analyses if found.plan == plan.number), None)


def analysis_jobs(state: TuningState, plan: AnalysisPlan) -> tuple[tuple[Job, ...], ...]:
    """The planned analysis's jobs, jobs[scene][0] the scene's source, [1 + n] block n changed."""
    return _known_jobs(state.subject.layout, state.lora, plan)


@lru_cache(maxsize=16)
def _known_jobs(layout: Layout, lora: LoraUse, plan: AnalysisPlan) -> tuple[tuple[Job, ...], ...]:
    """The same jobs again for the same plan: their keys are not hashed anew for every look at a page."""
    return _jobs(lora, plan.scenes, plan_block_analysis(layout, plan.blocks, plan.value, plan.base))


def mask_for(plan: AnalysisPlan, scene: int) -> str:
    """The name of the mask for the scene of this place, empty without one."""
    return plan.masks[scene if len(plan.masks) > 1 else 0] if plan.masks else ""


def _jobs(lora: LoraUse, scenes: Sequence[Scene], plan: BlockAnalysis) -> tuple[tuple[Job, ...], ...]:
    return tuple(tuple(Job(scene, lora, variant) for variant in plan.variants()) for scene in scenes)


def _stands(state: TuningState, plan: AnalysisPlan) -> bool:
    current = current_plan(state)
    return current is not None and current.number == plan.number


def _measure(tuning: TuningProject, state: TuningState, plan: AnalysisPlan) -> None:
    rows = analysis_jobs(state, plan)
    prompts = [scene.prompt for scene in plan.scenes]
    effects = [
        effects_of(block, [
            figures_of(tuning, row[1 + number].key, row[0].key, plan.threshold, mask_for(plan, scene))
            for scene, row in enumerate(rows)
        ], prompts)
        for number, block in enumerate(plan.blocks)
    ]  # fmt: skip
    suggestions = suggest_all(effects, NOISE_FLOOR, region=plan.region or REGION)
    lora = {"file": state.subject.lora, "digest": state.subject.digest, "strength": state.subject.strength}
    scenes = [{"model": Path(scene.checkpoint.path).name, **scene.facts()} for scene in plan.scenes]
    told = {"blocks": list(plan.blocks), "range": [plan.value, plan.base], "threshold": plan.threshold}
    settings = {**told, "masks": list(plan.masks), "lora": lora, "scenes": scenes}
    record_analysis(tuning, effects, suggestions, settings, plan.number)


def _checked(state: TuningState, blocks: str, value: float, base: float) -> tuple[str, ...]:
    """The blocks to analyse; BlockweightError for blocks or weights that give no analysis."""
    if not (math.isfinite(value) and math.isfinite(base)):
        raise BlockweightError("The two weights of the range must be finite numbers, as in 0.5,1.")
    if value == base:
        raise BlockweightError(f"The range {value:g},{base:g} compares a weight with itself; give two different ones.")
    subject = state.subject
    asked = parse_blocks(blocks, subject.layout, empty=subject.blocks)
    chosen = tuple(block for block in asked if block in subject.blocks)
    if not chosen:
        raise BlockweightError(
            f"'{subject.lora}' changes nothing in {', '.join(asked)}; it has {', '.join(subject.blocks)}."
        )
    return chosen


def _check_masks(tuning: TuningProject, scenes: Sequence[Scene], masks: Sequence[str]) -> None:
    if len(masks) not in {0, 1, len(scenes)}:
        raise BlockweightError(
            f"{len(masks)} masks were given for {len(scenes)} scenes; give one for all of them, or one for each."
        )
    for scene, name in zip(scenes, masks if len(masks) != 1 else [*masks] * len(scenes), strict=False):
        height, width = mask_of(tuning, name).shape
        if (width, height) != (scene.width, scene.height):
            raise BlockweightError(
                f"The mask {name} has {width}×{height} pixels, the scene {scene.width}×{scene.height}; paint one on "
                "its picture."
            )


def _checked_region(region: str) -> str:
    name = region.strip()
    if len(name) > MOST_REGION or not name.isprintable():
        raise BlockweightError(f"{quoted(region)} names no region; give at most {MOST_REGION} letters on one line.")
    return name
