"""A project's plots as a page shows them: the list, what is left of one, and the page that shows its pictures."""

from __future__ import annotations

from blockweight.plan import infotext_of
from blockweight.project import BegunPlot, TuningState
from blockweight.report import plot_html
from blockweight.workflow.plots.begun import current_plot, find_plot, planned_of
from blockweight.workflow.plots.builder import BuiltPlot
from blockweight.workflow.plots.drawing import grid_of_plot, plot_cost
from blockweight.workflow.plots.planning import PlannedPlot
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_text import cost_facts


def plots_view(tuning: TuningProject, number: int | None = None) -> dict[str, object]:
    """The plots that were not given up, the latest first, and the one of this number (None: the latest). A number that
    is gone shows the latest, too."""
    state = tuning.state()
    listed = sorted((plot for plot in state.plots if not plot.cancelled), key=lambda plot: -plot.number)
    shown = next((plot for plot in listed if plot.number == number), listed[0] if listed else None)
    facts = None if shown is None else _shown(tuning, state, shown)
    return {"version": state.version, "plots": [_listed(plot) for plot in listed], "shown": facts}


def preview_facts(built: BuiltPlot, tuning: TuningProject) -> dict[str, object]:
    """What was read of a plot that is put together: its chips, its shape and its cost, or why there is none."""
    chips = [
        [{"labels": list(chip.labels), "error": chip.error, "empty": chip.empty} for chip in slot]
        for slot in built.chips
    ]
    if built.planned is None:
        return {"chips": chips, "error": built.error, "shape": None, "cost": None}
    cost = cost_facts(plot_cost(built.planned, tuning.project))
    return {"chips": chips, "error": "", "shape": _shape(built.planned), "cost": cost}


def plot_page(tuning: TuningProject, number: int, pictures: str, language: str) -> str:
    """The page of a plot with the pictures that there are, which it finds at the address `pictures`, and the others
    once it is told of them. BlockweightError if there is no such plot."""
    planned = planned_of(find_plot(tuning.state(), number))
    grid = grid_of_plot(planned, tuning.project, language)
    jobs = [job for page in planned.jobs for row in page for job in row]
    sizes = {job.scene.picture_size for job in jobs}
    size = max(width for width, _ in sizes), max(height for _, height in sizes)
    decides = {name: tuning.project.decides(name) for name in {job.scene.renderer for job in jobs}}
    return plot_html(
        grid,
        tuning.folder,
        address=lambda picture, _: f"{pictures}/{picture.name}",
        size=size,
        awaited=[(f"{pictures}/{job.key}.png", infotext_of(job, decides=decides[job.scene.renderer])) for job in jobs],
    )


def _listed(plot: BegunPlot) -> dict[str, object]:
    """What tells it from the others."""
    named = [axis.title for axis in (plot.x, plot.y, plot.z) if axis.title]
    return {"number": plot.number, "time": plot.time, "title": plot.title, "axes": named, "complete": bool(plot.folder)}


def _shown(tuning: TuningProject, state: TuningState, plot: BegunPlot) -> dict[str, object]:
    planned = planned_of(plot)
    current = current_plot(state)
    return {
        **_listed(plot),
        "folder": plot.folder,
        "current": current is not None and current.number == plot.number,
        "shape": _shape(planned),
        "cost": cost_facts(plot_cost(planned, tuning.project)),
    }


def _shape(planned: PlannedPlot) -> dict[str, int]:
    ask = planned.ask
    return {"columns": len(ask.x.places), "rows": len(planned.rows), "grids": len(ask.z.places)}
