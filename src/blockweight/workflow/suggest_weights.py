"""The least weights that keep what a LoRA does inside the mask, with the pictures that they would make, before any of
them is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from blockweight.errors import BlockweightError
from blockweight.measure import (
    Budget,
    LeastWeights,
    LoweredFigures,
    LoweredScene,
    Picture,
    PredictionError,
    least_weights,
    lowered_figures,
    prediction_error,
)
from blockweight.plan import Job, Variant
from blockweight.project import AnalysisPlan, TuningState
from blockweight.render import Renderer
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.analysis.ask import REGION
from blockweight.workflow.block_pictures import BlockPictures
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_analysis import analysis_jobs, mask_for
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning import set_weights
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import cost_of, render_jobs
from blockweight.workflow.tuning_text import cost_text

LABEL = "suggested"
"""Of the variant with the suggested weights."""


@dataclass(frozen=True, eq=False)
class SuggestedWeights:
    """Weights for the whole layout, made from the analysis `plan`: blocks that it left out stand at its base, fixed
    ones where they are (`held`). `predicted` tells of `found.pictures`; `region` is what the mask covers."""

    plan: AnalysisPlan
    region: str
    held: Mapping[str, float]
    limit: float
    step: float
    weights: BlockWeights
    scenes: tuple[LoweredScene, ...]
    found: LeastWeights
    predicted: LoweredFigures


@dataclass(frozen=True, eq=False)
class RenderedSuggestion:
    """The suggestion rendered in the analysis's scenes: the pictures, what they show, and how far they are from the
    predicted ones."""

    pictures: tuple[Picture, ...]
    figures: LoweredFigures
    error: PredictionError


def lowering_analysis(state: TuningState) -> AnalysisPlan:
    """The plan of the latest complete analysis with a mask. BlockweightError if there is none, or it has a single
    scene."""
    if not state.analyses:
        raise BlockweightError(
            "The project has no complete analysis yet; run 'blockweight tune analyze --mask FILE', with a picture that "
            "is white where the LoRA should work."
        )
    plans = {plan.number: plan for plan in state.analysis_plans if plan.masks and plan.method == "eba"}
    found = next((plans[each.plan] for each in reversed(state.analyses) if each.plan in plans), None)
    if found is None:
        raise BlockweightError(
            "No analysis of the project has a mask, so nothing tells where the LoRA should work; run 'blockweight tune "
            "analyze --mask FILE', which needs no new pictures."
        )
    if len(found.scenes) < 2:
        raise BlockweightError(
            "The analysis has a single scene, which says nothing about the spread, so no block's cost is settled; add "
            "scenes or seeds to the project and analyse again."
        )
    return found


def jobs_without(state: TuningState, plan: AnalysisPlan) -> list[Job]:
    """The pictures without the LoRA, one a scene, from which is told what is kept."""
    return [Job(scene, state.lora, NO_LORA) for scene in plan.scenes]


def suggest_weights(
    tuning: TuningProject,
    budget: Budget,
    limit: float,
    step: float,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
) -> SuggestedWeights:
    """The least weights (`measure.least_weights`) by the latest complete analysis with a mask.

    What is kept is told from pictures without the LoRA: those of its scenes that are not there are rendered, one a
    scene; a budget of levels does without them. BlockweightError if there is no such analysis, or it has a single
    scene, and for a fixed block that it left out and that does not stand at its base.
    """
    state = tuning.state()
    plan = lowering_analysis(state)
    held = _held(state, plan)
    rows = analysis_jobs(state, plan)
    without = jobs_without(state, plan)
    needed = [*chain(*rows), *(without if budget.keep is not None else ())]
    _render(tuning, needed, plan, "What the suggestion needs", make_renderer, progress)
    project = tuning.project
    scenes = tuple(
        LoweredScene(
            source=project.picture(row[0]),
            inside=mask_of(tuning, mask_for(plan, number)),
            changed=BlockPictures(project, dict(zip(plan.blocks, row[1:], strict=True))),
            without=project.pictures.load(without[number]),
            prompt=row[0].scene.prompt,
        )
        for number, row in enumerate(rows)
    )
    found = least_weights(scenes, plan.blocks, plan.value, plan.base, budget, limit=limit, step=step, held=held)
    weights = uniform(state.weights.name, state.subject.layout, plan.base).with_weights(found.weights)
    figures = lowered_figures(scenes, found.pictures)
    return SuggestedWeights(plan, plan.region or REGION, held, limit, step, weights, scenes, found, figures)


def render_suggested(
    tuning: TuningProject,
    suggested: SuggestedWeights,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
) -> RenderedSuggestion:
    """Render the suggestion in the scenes that it was made from, and compare it with what was predicted."""
    state, plan = tuning.state(), suggested.plan
    jobs = [Job(scene, state.lora, Variant(LABEL, suggested.weights)) for scene in plan.scenes]
    _render(tuning, jobs, plan, "The suggested weights", make_renderer, progress)
    pictures = tuple(map(tuning.project.picture, jobs))
    error = prediction_error(suggested.scenes, suggested.found.pictures, pictures)
    return RenderedSuggestion(pictures, lowered_figures(suggested.scenes, pictures), error)


def apply_suggested(tuning: TuningProject, suggested: SuggestedWeights, *, event_id: str = "") -> TuningState:
    """Set the project's weights to the suggested ones; undo takes them back."""
    weights = suggested.weights
    return set_weights(tuning, weights.vector(), rest=weights.rest, event_id=event_id)


def _held(state: TuningState, plan: AnalysisPlan) -> dict[str, float]:
    """The fixed blocks among the analysed ones, with their weights."""
    at = {block: state.weights.weight(block) for block in state.fixed if block in state.subject.blocks}
    other = next((block for block, weight in at.items() if block not in plan.blocks and weight != plan.base), None)
    if other is not None:
        raise BlockweightError(
            f"{other} is fixed at {at[other]:g}, but the analysis left it out, so nobody knows what that does; unfix "
            "it, or analyse it too."
        )
    return {block: weight for block, weight in at.items() if block in plan.blocks}


def _render(
    tuning: TuningProject,
    jobs: Sequence[Job],
    plan: AnalysisPlan,
    title: str,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
) -> None:
    """Render what is missing, once its cost is told."""
    missing = tuning.project.missing(jobs)
    if not missing:
        return
    progress.say(cost_text(cost_of(tuning.project, missing)))
    check_places(tuning.log, plan.scenes)
    render_jobs(tuning.project, missing, len(missing), title, make_renderer, progress, lambda: False)
