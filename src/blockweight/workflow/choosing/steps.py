"""A search by preference from one command: begun or gone on with, a round judged, the best taken."""

from __future__ import annotations

from collections.abc import Callable

from blockweight.errors import BlockweightError
from blockweight.project import FEW
from blockweight.render import Renderer
from blockweight.workflow.choosing.asking import ChoosingAsked, ask_choosing
from blockweight.workflow.choosing.running import (
    begin_choosing,
    choosing_cost,
    choosing_of,
    end_choosing,
    judge,
    place_names,
    plan_plane,
    render_choices,
    take_preferred,
)
from blockweight.workflow.choosing.text import asked_lines, choosing_facts, stands_lines
from blockweight.workflow.choosing.written import write_choices
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_text import cost_facts, cost_text, show_facts, show_lines


def estimate(tuning: TuningProject, asked: ChoosingAsked) -> Told:
    """What the first round would cost, or what is left of the one that is to be judged; nothing is begun."""
    begun = tuning.state().choosing if asked == ChoosingAsked() else None
    choosing = ask_choosing(tuning, asked) if begun is None else begun
    cost = choosing_cost(tuning, choosing)
    facts = {**choosing_facts(choosing), "cost": cost_facts(cost)}
    return Told(facts, (*asked_lines(choosing), f"A round: {cost_text(cost)}"))


def run(
    tuning: TuningProject,
    asked: ChoosingAsked,
    plane: bool | None,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
) -> Told:
    """Begin a search by preference, or where nothing is asked for and one is begun go on with it; render the round
    that is to be judged, and write it as a picture. `plane` shows a plane there, or (False) a few weights."""
    if asked != ChoosingAsked() or tuning.state().choosing is None:
        begin_choosing(tuning, asked)
        for line in asked_lines(choosing_of(tuning.state())):
            progress.say(line)
    if plane is not None:
        plan_plane(tuning, plane=plane)
    return _rendered(tuning, make_renderer, progress)


def judged(
    tuning: TuningProject,
    best: str,
    worst: str,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    *,
    event_id: str = "",
) -> Told:
    """Judge the round, no `best` for no difference; then render the next one."""
    judge(tuning, best, worst, event_id=event_id)
    for line in stands_lines(choosing_of(tuning.state())):
        progress.say(line)
    return _rendered(tuning, make_renderer, progress)


def take(tuning: TuningProject, *, event_id: str = "") -> Told:
    """Set the project's weights to the best so far."""
    state = take_preferred(tuning, event_id=event_id)
    return Told(show_facts(state), tuple(show_lines(state)))


def end(tuning: TuningProject) -> Told:
    """End the search by preference."""
    state = end_choosing(tuning)
    return Told(show_facts(state), tuple(show_lines(state)))


def _rendered(tuning: TuningProject, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    choosing = choosing_of(tuning.state())
    cost = choosing_cost(tuning, choosing)
    progress.say(f"Round {len(choosing.rounds)}: {cost_text(cost)}")
    part = render_choices(tuning, make_renderer, progress)
    state = tuning.state()
    if state.choosing is None or state.choosing.rounds != choosing.rounds:
        raise BlockweightError("The round was taken back while it was being rendered; its pictures are kept.")
    path = write_choices(tuning, state, state.choosing)
    names = place_names(choosing.open)
    if choosing.open.kind == FEW:
        how = f"--best {names[1]} --worst {names[-1]} (names are only an example), or --same"
    else:
        how = f"--best {names[7]} (the name is only an example), or --same"
    lines = (
        f"Look at:  {path}",
        f"Then say: blockweight tune prefer {how}; 'blockweight tune undo' takes it back.",
    )
    return Told({**choosing_facts(choosing), "rendered": part.rendered, "file": str(path)}, lines)
