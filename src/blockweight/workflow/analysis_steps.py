"""A tuning project's analysis from one command: estimate it, run it or go on with it, cancel it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.measure import DIFF_THRESHOLD
from blockweight.render import Renderer
from blockweight.workflow.analysis.budget import Method, able_to_tell
from blockweight.workflow.analysis.methods import method_named
from blockweight.workflow.analysis_text import analysis_facts, analysis_lines
from blockweight.workflow.analysis_view import AnalysisView, analysis_view
from blockweight.workflow.own_files import parse_range
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_analysis import (
    Wanted,
    cancel_analysis,
    plan_analysis,
    preview_analysis,
    render_analysis,
)
from blockweight.workflow.project_budget import time_a_picture, within_budget
from blockweight.workflow.project_masks import keep_mask_file, mask_in_file
from blockweight.workflow.round_steps import Told
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_text import cost_facts, cost_text, show_facts, show_lines

RANGE = "0.5,1"
"""The weight of the block under test and that of the others, as the tutorial has them."""


@dataclass(frozen=True)
class Asked:
    """What a person asked for; None and empty where nothing was said. `masks` are files: one for all scenes, or one
    per scene in their order. Without a method, `budget` chooses it, and in any case in how many of the scenes. The rest
    is as in `Wanted`."""

    blocks: str | None = None
    weight_range: str | None = None
    threshold: int | None = None
    masks: tuple[Path, ...] = ()
    region: str | None = None
    method: str | None = None
    adaptive: bool = False
    aspects: str = ""
    aims: str = ""
    pairs: int = 0
    levels: int = 1
    budget: str = ""


def estimate(tuning: TuningProject, asked: Asked) -> Told:
    """What the analysis would cost and be able to tell, or what is left of the one that `run` would go on with; nothing
    is begun."""
    view = _open(tuning, asked)
    if view is None:
        masks = [mask_in_file(tuning, path) for path in asked.masks]
        wanted = within_budget(tuning, _wanted(asked, ()), asked.budget, _method(asked))
        cost, method, aims = preview_analysis(tuning, wanted, masks), wanted.method, bool(wanted.aims.strip())
        scenes = wanted.scenes or len(tuning.state().scenes)
    else:
        cost, method, scenes = view.cost, method_named(view.plan.method), len(view.plan.scenes)
        aims = bool(view.plan.aims)
    able = able_to_tell(method, scenes, aims=aims)
    return Told({"cost": cost_facts(cost), "tells": able}, (cost_text(cost), able))


def run(tuning: TuningProject, asked: Asked, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    """Plan an analysis, render it and measure it; where nothing was asked for and one is not complete, go on with
    that one."""
    if _open(tuning, asked) is None:
        wanted = _wanted(asked, [keep_mask_file(tuning, path) for path in asked.masks])
        if asked.budget:
            time_a_picture(tuning, wanted, asked.budget, make_renderer, progress)
        plan_analysis(tuning, within_budget(tuning, wanted, asked.budget, _method(asked)))
    view = _view(tuning)
    progress.say(cost_text(view.cost))
    method, scenes = method_named(view.plan.method), len(view.plan.scenes)
    progress.say(able_to_tell(method, scenes, aims=bool(view.plan.aims)))
    part = render_analysis(tuning, make_renderer, progress)
    view = _view(tuning)
    facts = {**analysis_facts(view), "rendered": part.rendered, "left": part.left}
    pictures = f"Pictures: {view.cost.pictures} in {tuning.project.pictures.folder}, {part.rendered} rendered now"
    written = [f"Report and figures: {tuning.folder / view.folder}"] if view.folder else []
    return Told(facts, (*analysis_lines(tuning, view), *written, pictures))


def cancel(tuning: TuningProject) -> Told:
    """Give up the analysis that is not complete."""
    state = cancel_analysis(tuning)
    return Told(show_facts(state), tuple(show_lines(state)))


def _wanted(asked: Asked, masks: Sequence[str]) -> Wanted:
    value, base = parse_range(RANGE if asked.weight_range is None else asked.weight_range)
    return Wanted(
        blocks=asked.blocks or "",
        value=value,
        base=base,
        threshold=DIFF_THRESHOLD if asked.threshold is None else asked.threshold,
        masks=tuple(masks),
        region=asked.region or "",
        method=method_named(asked.method or ""),
        adaptive=asked.adaptive,
        aspects=asked.aspects,
        aims=asked.aims,
        pairs=asked.pairs,
        levels=asked.levels,
    )


def _method(asked: Asked) -> Method | None:
    return method_named(asked.method) if asked.method else None


def _open(tuning: TuningProject, asked: Asked) -> AnalysisView | None:
    """The analysis to go on with."""
    view = analysis_view(tuning) if asked == Asked() else None
    return None if view is None or view.number is not None else view


def _view(tuning: TuningProject) -> AnalysisView:
    view = analysis_view(tuning)
    if view is None:
        raise BlockweightError("The analysis was cancelled while it was being rendered; its pictures are kept.")
    return view
