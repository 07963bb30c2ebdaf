"""A search from one command: estimated, begun or gone on with, given up, one of its choices taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.project import SearchPlan
from blockweight.render import Renderer
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.budget import parse_budget
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.search.asking import SearchAsked, ask_search, references
from blockweight.workflow.search.running import (
    begin_search,
    cancel_search,
    current_search,
    folder_number,
    found_search,
    latest_found,
    planned_search,
    run_search,
    search_cost,
    take_choice,
)
from blockweight.workflow.search.text import asked_lines, found_lines, search_facts
from blockweight.workflow.search.written import HOW_TO_READ, PAGE
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import seconds_each
from blockweight.workflow.tuning_text import cost_facts, cost_text, show_facts, show_lines


def estimate(tuning: TuningProject, asked: SearchAsked) -> Told:
    """What the search would cost at most, or what is left of the one that `run` would go on with; nothing is begun."""
    plan = current_search(tuning.state()) if asked == SearchAsked() else None
    plan = ask_search(tuning, asked).plan if plan is None else plan
    cost = search_cost(tuning, plan)
    return Told({**search_facts(plan), "cost": cost_facts(cost)}, (*asked_lines(plan), cost_text(cost)))


def run(tuning: TuningProject, asked: SearchAsked, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    """Begin a search and run it; where nothing was asked for go on with the one that is begun, or show what the latest
    one found."""
    found = latest_found(tuning.state())
    if asked == SearchAsked() and current_search(tuning.state()) is None and found is not None:
        return show(tuning, folder_number(found))
    if asked != SearchAsked() or current_search(tuning.state()) is None:
        _time_a_picture(tuning, asked, make_renderer, progress)
        begin_search(tuning, ask_search(tuning, asked))
    plan = planned_search(tuning.state())
    for line in (*asked_lines(plan), cost_text(search_cost(tuning, plan))):
        progress.say(line)
    part = run_search(tuning, make_renderer, progress)
    plan = current_search(tuning.state()) or replace(plan, cancelled=True)
    if plan.cancelled:
        raise BlockweightError("The search was given up while it was running; its pictures are kept.")
    rendered = f"Pictures: {part.rendered} rendered now, in {tuning.project.pictures.folder}"
    return Told({**search_facts(plan), "rendered": part.rendered, "left": part.left},
                (*_found(tuning, plan), rendered))  # fmt: skip


def show(tuning: TuningProject, search: int) -> Told:
    """What the complete search of this number found."""
    plan = found_search(tuning.state(), search)
    return Told(search_facts(plan), (*asked_lines(plan), *_found(tuning, plan)))


def take(tuning: TuningProject, number: int, search: int | None = None, *, event_id: str = "") -> Told:
    """Set the project's weights to a choice of the search."""
    state = take_choice(tuning, number, search, event_id=event_id)
    return Told(show_facts(state), tuple(show_lines(state)))


def cancel(tuning: TuningProject) -> Told:
    """Give the search up."""
    state = cancel_search(tuning)
    return Told(show_facts(state), tuple(show_lines(state)))


def _found(tuning: TuningProject, plan: SearchPlan) -> tuple[str, ...]:
    if not plan.choices:
        return ()
    page = f"Page:     {tuning.folder / plan.folder / PAGE}"
    how = "Take one with 'blockweight tune auto --apply NUMBER'; 'blockweight tune undo' takes it back."
    return (*found_lines(plan), "", HOW_TO_READ, how, page)


def _time_a_picture(
    tuning: TuningProject, asked: SearchAsked, make_renderer: Callable[[], Renderer], progress: Progress
) -> None:
    """Render a first picture where the budget is a time and none was timed yet, so that it can be kept."""
    if asked.budget and parse_budget(asked.budget).pictures is None and seconds_each(tuning.project) is None:
        state = check_places(tuning.log)
        _, everything, *_ = references(state, state.weights)
        bench = Bench(tuning.project, make_renderer, progress)
        bench.render("Timing the first picture", [Job(state.scenes[0], state.lora, everything)])
