"""A tuning project's round from one command: estimate it, plan and render it or go on with it, finish it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.render import Renderer
from blockweight.workflow import tuning_text
from blockweight.workflow.progress import Progress
from blockweight.workflow.tuning import finish_round
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import plan_round, preview_round, render_round, round_cost, round_grid

Limits = tuple[float, float] | None


@dataclass(frozen=True)
class Told:
    """What there is to say: as plain values, and as lines for a person."""

    facts: Mapping[str, object]
    lines: tuple[str, ...]


def estimate(tuning: TuningProject, kind: str | None, step: float, limits: Limits) -> Told:
    """What a round of this kind would cost, or (None) what is left of the open one."""
    if kind is None:
        cost = round_cost(tuning)
        return Told({"cost": tuning_text.cost_facts(cost)}, (tuning_text.cost_text(cost),))
    planned = preview_round(tuning, kind.replace("-", ""), step, limits)
    facts = {"cost": tuning_text.cost_facts(planned.cost), "presets": planned.plan.presets()}
    return Told(facts, (tuning_text.cost_text(planned.cost),))


def run(
    tuning: TuningProject,
    kind: str | None,
    step: float,
    limits: Limits,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
) -> Told:
    """Plan a round of this kind and render it, or (None) render what the open one lacks."""
    if kind is not None:
        plan_round(tuning, kind.replace("-", ""), step, limits)
    cost = round_cost(tuning)
    progress.say(tuning_text.cost_text(cost))
    part = render_round(tuning, make_renderer, progress)
    state = tuning.state()
    if state.round is None:
        raise BlockweightError("The round was taken back while it was being rendered; its pictures are kept.")
    grid = round_grid(tuning)
    facts = {
        "round": tuning_text.round_facts(state.round),
        "rendered": part.rendered,
        "left": part.left,
        "grid": tuning_text.grid_facts(grid),
    }
    labels = (variant.label for variant in state.round.variants)
    folder = tuning.project.pictures.folder
    lines = (f"Variants: {', '.join(labels)}", f"Pictures: {cost.pictures} in {folder}, {part.rendered} rendered now")
    return Told(facts, lines)


def finish(tuning: TuningProject, kind: str | None) -> Told:
    """Finish the open round."""
    if kind is not None:
        raise BlockweightError("--finish ends the round that is open; leave out the kind of round.")
    state = finish_round(tuning)
    return Told(tuning_text.show_facts(state), tuple(tuning_text.show_lines(state)))
