"""What a page's script may do to a project: one act a request, each a function of `workflow/` with a command.

Every act carries an id that the browser has drawn for it, so that one sent again after a lost answer stays one act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.analysis_form import wanted_of
from blockweight.studio.forms import numbers_of, text_of, texts_of, whole_of
from blockweight.studio.plot_form import typed_plot_of
from blockweight.studio.search_form import choosing_of_form, search_of_form
from blockweight.studio.transfer_form import typed_of
from blockweight.workflow import comparison
from blockweight.workflow import tuning as acts
from blockweight.workflow.choosing import running as choosing
from blockweight.workflow.planned_transfer import begin_transfer, cancel_transfer
from blockweight.workflow.plots.begun import begin_plot, cancel_plot, resume_plot
from blockweight.workflow.project_analysis import cancel_analysis, plan_analysis
from blockweight.workflow.search.asking import ask_search
from blockweight.workflow.search.running import begin_search, cancel_search, take_choice
from blockweight.workflow.transfer_form import asked_transfer
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import plan_round
from blockweight.workflow.weight_sheet import parse_fill, parse_step

if TYPE_CHECKING:
    from blockweight.project import TuningState

Data = Mapping[str, object]
Act = Callable[[TuningProject, Data, str], "TuningState"]


def perform(tuning: TuningProject, data: Data) -> TuningState:
    """Do what `data` asks for: `act` (a name in ACTS), `id`, and what the act needs. BlockweightError if it does not
    fit where the project stands."""
    name, event_id = text_of(data, "act"), text_of(data, "id")
    if name not in ACTS:
        raise BlockweightError(f"There is no act {quoted(name)}; load the page anew.")
    if not event_id:
        raise BlockweightError("The act has no id; load the page anew.")
    return ACTS[name](tuning, data, event_id)


def _decide(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    number, sequence = whole_of(data, "round"), whole_of(data, "sequence")
    choice = text_of(data, "choice")
    return acts.decide(
        tuning, text_of(data, "variant"), choice, round_number=number, sequence=sequence, event_id=event_id
    )


def _weights(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    fill, rest = (parse_fill(text_of(data, name)) for name in ("fill", "rest"))
    return acts.set_weights(tuning, text_of(data, "weights"), fill=fill, rest=rest, event_id=event_id)


def _each(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    cells = data.get("cells")
    if not isinstance(cells, dict):
        raise BlockweightError("'cells' must be an object; load the page anew.")
    return acts.set_each(tuning, {block: text_of(cells, block) for block in cells}, event_id=event_id)


def _plan(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    return plan_round(tuning, text_of(data, "kind"), parse_step(text_of(data, "step")), event_id=event_id)


def _plan_analysis(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    return plan_analysis(tuning, wanted_of(tuning, data), event_id=event_id)


def _apply(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    number = whole_of(data, "analysis") if "analysis" in data else None
    return acts.apply_suggestions(tuning, text_of(data, "blocks"), analysis_number=number, event_id=event_id)


def _compare(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    typed = comparison.Typed(
        texts_of(data, "variants"),
        numbers_of(data, "scenes"),
        parse_fill(text_of(data, "fill")),
        blind=data.get("blind") is True,
    )
    return comparison.plan_comparison(tuning, typed, event_id=event_id)


def _vote(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    best, worst = (None if data.get(name) is None else whole_of(data, name) for name in ("best", "worst"))
    number, row = whole_of(data, "comparison"), whole_of(data, "row")
    return comparison.vote(tuning, row, best, worst, number=number, event_id=event_id)


def _transfer(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    return begin_transfer(tuning, asked_transfer(tuning, typed_of(data)), event_id=event_id)


def _search(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    return begin_search(tuning, ask_search(tuning, search_of_form(tuning, data)), event_id=event_id)


def _judge(tuning: TuningProject, data: Data, event_id: str) -> TuningState:
    return choosing.judge(
        tuning, text_of(data, "best"), text_of(data, "worst"), number=whole_of(data, "round"), event_id=event_id
    )


ACTS: Mapping[str, Act] = {
    "decide": _decide,
    "set weights": _weights,
    "set cells": _each,
    "fix": lambda tuning, data, event_id: acts.fix(tuning, text_of(data, "blocks"), event_id=event_id),
    "unfix": lambda tuning, data, event_id: acts.unfix(tuning, text_of(data, "blocks"), event_id=event_id),
    "plan round": _plan,
    "finish round": lambda tuning, _, event_id: acts.finish_round(tuning, event_id=event_id),
    "plan analysis": _plan_analysis,
    "cancel analysis": lambda tuning, _, event_id: cancel_analysis(tuning, event_id=event_id),
    "apply": _apply,
    "revoke": lambda tuning, data, event_id: acts.revoke_suggestions(
        tuning, text_of(data, "blocks"), event_id=event_id
    ),
    "compare": _compare,
    "compare again": lambda tuning, data, event_id: comparison.compare_again(
        tuning, whole_of(data, "comparison"), blind=data.get("blind") is True, event_id=event_id
    ),
    "vote": _vote,
    "undo vote": lambda tuning, data, event_id: comparison.undo_vote(
        tuning, number=whole_of(data, "comparison"), event_id=event_id
    ),
    "reveal": lambda tuning, data, event_id: comparison.reveal(
        tuning, number=whole_of(data, "comparison"), event_id=event_id
    ),
    "begin transfer": _transfer,
    "cancel transfer": lambda tuning, _, event_id: cancel_transfer(tuning, event_id=event_id),
    "begin search": _search,
    "cancel search": lambda tuning, _, event_id: cancel_search(tuning, event_id=event_id),
    "take choice": lambda tuning, data, event_id: take_choice(
        tuning, whole_of(data, "choice"), whole_of(data, "search"), event_id=event_id
    ),
    "begin choosing": lambda tuning, data, event_id: choosing.begin_choosing(
        tuning, choosing_of_form(data), event_id=event_id
    ),
    "judge": _judge,
    "show plane": lambda tuning, data, event_id: choosing.plan_plane(
        tuning, plane=data.get("plane") is True, event_id=event_id
    ),
    "end choosing": lambda tuning, _, event_id: choosing.end_choosing(tuning, event_id=event_id),
    "take preferred": lambda tuning, _, event_id: choosing.take_preferred(tuning, event_id=event_id),
    "begin plot": lambda tuning, data, event_id: begin_plot(tuning, typed_plot_of(data), event_id=event_id),
    "resume plot": lambda tuning, data, event_id: resume_plot(tuning, whole_of(data, "plot"), event_id=event_id),
    "cancel plot": lambda tuning, data, event_id: cancel_plot(tuning, whole_of(data, "plot"), event_id=event_id),
    "rename": lambda tuning, data, event_id: acts.rename(tuning, text_of(data, "name"), event_id=event_id),
    "undo": lambda tuning, _, event_id: acts.undo(tuning, event_id=event_id),
    "redo": lambda tuning, _, event_id: acts.redo(tuning, event_id=event_id),
    "branch": lambda tuning, data, event_id: acts.branch_from(tuning, whole_of(data, "step"), event_id=event_id),
}
"""The acts by name."""
