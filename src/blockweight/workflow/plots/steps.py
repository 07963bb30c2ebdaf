"""A plot from one command: estimate it, or draw it and say where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from blockweight.errors import BlockweightError, quoted
from blockweight.project import Project
from blockweight.project.project import LOG
from blockweight.render import Renderer
from blockweight.workflow.plots.drawing import Output, PlotLook, draw_plot, plot_cost
from blockweight.workflow.plots.planning import PlannedPlot, PlotAsk, plan_plot
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.tuning_rounds import Cost
from blockweight.workflow.tuning_text import cost_facts, cost_text

OUTPUTS: tuple[Output, ...] = ("png", "webp", "pdf")


def look_of(outputs: Sequence[str], scale: float | None, language: str) -> PlotLook:
    """What is written, from its names; `none` is the page alone. BlockweightError for another name."""
    wanted = [name for name in outputs if name != "none"]
    odd = next((name for name in wanted if name not in OUTPUTS), None)
    if odd is not None:
        raise BlockweightError(f"A plot is not written as {quoted(odd)}; use one of: {', '.join(OUTPUTS)}, none.")
    return PlotLook(tuple(name for name in OUTPUTS if name in wanted), scale, language)


def estimate(ask: PlotAsk, resolver: Resolver, folder: Path, progress: Progress) -> Told:
    """What the plot would cost; nothing is rendered or written."""
    planned = _planned(ask, resolver, progress)
    with ExitStack() as stack:
        place = folder if (folder / LOG).is_file() else Path(stack.enter_context(TemporaryDirectory()))
        cost = plot_cost(planned, stack.enter_context(Project(place)))
    return Told(_facts(planned, cost), _lines(planned, cost))


def run(
    ask: PlotAsk,
    resolver: Resolver,
    folder: Path,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    look: PlotLook,
) -> Told:
    """Draw the plot and write its folder; its cost is said first."""
    planned = _planned(ask, resolver, progress)
    with Project(folder) as project:
        cost = plot_cost(planned, project)
        for line in _lines(planned, cost):
            progress.say(line)
        drawn = draw_plot(planned, project, make_renderer, progress, look)
    files = [str(file) for file in drawn.files]
    facts = {**_facts(planned, cost), "folder": str(drawn.folder), "files": files}
    return Told(facts, tuple(f"written: {file}" for file in files))


def _planned(ask: PlotAsk, resolver: Resolver, progress: Progress) -> PlannedPlot:
    """With progress: the files of many models take their time."""
    with progress.track("Reading the plot", ask.cells) as bar:
        return plan_plot(ask, resolver, lambda _done: bar.advance())


def _facts(planned: PlannedPlot, cost: Cost) -> dict[str, object]:
    notes = {"notes": list(planned.notes)} if planned.notes else {}
    return {"plot": _shape(planned), "cost": cost_facts(cost), **notes}


def _shape(planned: PlannedPlot) -> dict[str, object]:
    ask = planned.ask
    return {
        "columns": len(ask.x.places),
        "rows": len(planned.rows),
        "grids": len(ask.z.places),
        "cells": ask.cells,
    }


def _lines(planned: PlannedPlot, cost: Cost) -> tuple[str, ...]:
    ask = planned.ask
    grids = f"{len(ask.z.places)} grids of " if len(ask.z.places) > 1 else ""
    return (
        f"Plot:   {grids}{len(ask.x.places)} columns × {len(planned.rows)} rows",
        f"Cost:   {cost_text(cost)}",
        *(f"Note:   {note}" for note in planned.notes),
    )
