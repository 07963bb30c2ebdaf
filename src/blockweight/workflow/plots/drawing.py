"""A plot's pictures, rendered into a project folder where every other plot finds them, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blockweight.plan import Job, grid_infotext, infotext_of
from blockweight.project import Project, webui_hashes
from blockweight.render import Renderer
from blockweight.report import (
    PlotAxis,
    PlotCell,
    PlotGrid,
    write_contact_sheet,
    write_plot_page,
    write_plot_sheets,
)
from blockweight.workflow.analysis.bench import Bench, Paused
from blockweight.workflow.folders import result_folder
from blockweight.workflow.plots.axes import Axis
from blockweight.workflow.plots.label_words import axis_title, place_label
from blockweight.workflow.plots.planning import PlannedPlot
from blockweight.workflow.progress import Progress
from blockweight.workflow.tuning_rounds import Cost, cost_of

Output = Literal["png", "webp", "pdf"]
PAGE = "plot.html"


@dataclass(frozen=True)
class PlotLook:
    """What is written beside the page: pages as pictures (`png`, `webp`), a contact sheet (`pdf`); how much pictures
    are enlarged on such pages (None: by themselves), and in which of the page's languages words are."""

    outputs: tuple[Output, ...] = ("png",)
    scale: float | None = None
    language: str = "en"


@dataclass(frozen=True)
class DrawnPlot:
    """A plot's folder and files, and whether pictures are still missing."""

    folder: Path
    files: tuple[Path, ...]
    left: int


def plot_cost(planned: PlannedPlot, project: Project) -> Cost:
    """What there is of the plot, and what the rest takes."""
    return cost_of(project, planned.every)


def draw_plot(
    planned: PlannedPlot,
    project: Project,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    look: PlotLook = PlotLook(),
    stopped: Callable[[], bool] = lambda: False,
) -> DrawnPlot:
    """Render what the project does not have yet, and write the plot's folder, `plot-01`. After a stop the folder shows
    what there is, and the same plot goes on with the rest. BlockweightError if the renderer refuses."""
    bench = Bench(project, make_renderer, progress, stopped)
    try:
        bench.render("The plot", planned.every)
    except Paused:
        return write_plot(planned, project, PlotLook((), look.scale, look.language))
    return write_plot(planned, project, look)


def write_plot(planned: PlannedPlot, project: Project, look: PlotLook = PlotLook()) -> DrawnPlot:
    """Write what the project has of the plot to a folder of its own: the page, what `look` wants, and the settings with
    every cell's job."""
    folder = result_folder(project.folder, "plot", plot_facts(planned))
    grid = grid_of_plot(planned, project, look.language)
    page = folder / PAGE
    write_plot_page(grid, page)
    files = [page]
    for output in look.outputs:
        if output == "pdf":
            files.append(folder / "plot.pdf")
            write_contact_sheet(grid, folder / "plot.pdf")
        else:
            files += write_plot_sheets(grid, folder, sheet_format=output, scale=look.scale)
    for old in set(folder.glob("plot*.*")) - {*files}:  # there may have been more pages before
        old.unlink(missing_ok=True)
    left = sum(not project.pictures.path(job).is_file() for job in planned.every)
    return DrawnPlot(folder, tuple(files), left)


def grid_of_plot(planned: PlannedPlot, project: Project, language: str = "en") -> PlotGrid:
    """The plot as `report` shows it; cells without a picture are empty."""
    cells, hashes = {}, dict[str, str]()
    decides = {name: project.decides(name) for name in {job.scene.renderer for job in planned.every}}
    typical = _typical(planned)
    for z, page in enumerate(planned.jobs):
        for y, row in enumerate(page):
            for x, job in enumerate(row):
                path = project.pictures.path(job)
                if path.is_file():
                    hashes |= webui_hashes(job)
                    cells[x, y, z] = PlotCell(path, infotext_of(job, hashes, decides[job.scene.renderer]))
    ask = planned.ask
    labels = tuple(place_label(row.label, language, ask.y.kinds, baseline=row.baseline) for row in planned.rows)
    several = len(planned.rows) > 1 or any(labels)
    marked = frozenset(number for number, row in enumerate(planned.rows) if row.baseline)
    return PlotGrid(
        ask.title,
        x=_axis(ask.x, language),
        y=PlotAxis(axis_title(ask.y.title, language), labels, marked) if several else None,
        z=_axis(ask.z, language),
        cells=cells,
        language=language,
        infotext=grid_infotext(typical, _named_axes(planned), hashes, decides[typical.scene.renderer]),
    )


def _typical(planned: PlannedPlot) -> Job:
    """The first cell that shows the LoRA; the very first where none does."""
    cells = [job for page in planned.jobs for row in page for job in row]
    return next((job for job in cells if job.variant.weights is not None and job.lora.strength), cells[0])


def _named_axes(planned: PlannedPlot) -> list[tuple[str, list[str]]]:
    """X, Y and Z with their values, block weights with their numbers; the scenes stand in the rows."""
    ask, page = planned.ask, planned.jobs[0]
    x = _valued(ask.x, [[row[number] for row in page] for number in range(len(ask.x.places))])
    z = _valued(ask.z, [[job for row in page for job in row] for page in planned.jobs])
    rows = [[*row] for row in page]
    names = [name for name in (ask.y.title or ", ".join(ask.y.kinds), "Scene" * (len(ask.scenes) > 1)) if name]
    y = _values([row.label for row in planned.rows], "weights" in ask.y.kinds, rows)
    return [x, (", ".join(names), y if names else []), z]


def _valued(axis: Axis, cells: Sequence[Sequence[Job]]) -> tuple[str, list[str]]:
    name = axis.title or ", ".join(axis.kinds)
    labels = [place.label for place in axis.places]
    return name, _values(labels, "weights" in axis.kinds, cells) if name else []


def _values(labels: Sequence[str], weighted: bool, cells: Sequence[Sequence[Job]]) -> list[str]:
    """The labels in a line each, with the block weights of their cells where an axis sets them."""
    told = []
    for label, jobs in zip(labels, cells, strict=True):
        found = next((job.variant.weights for job in jobs if job.variant.weights is not None), None)
        line = ", ".join(label.split("\n"))
        told.append(f"{line}:{found.vector()}" if weighted and found is not None else line)
    return told


def _axis(axis: Axis, language: str) -> PlotAxis | None:
    if len(axis.places) == 1 and not axis.title:
        return None
    marked = frozenset(number for number, place in enumerate(axis.places) if place.baseline)
    labels = tuple(place_label(each.label, language, axis.kinds, baseline=each.baseline) for each in axis.places)
    return PlotAxis(axis_title(axis.title, language), labels, marked)


def plot_facts(planned: PlannedPlot) -> Mapping[str, object]:
    """What tells a plot from another, as plain values: its axes and labels, and the scenes."""
    ask = planned.ask
    axes = {
        name: {"title": axis.title, "kinds": list(axis.kinds), "labels": [place.label for place in axis.places]}
        for name, axis in (("x", ask.x), ("y", ask.y), ("z", ask.z))
    }
    keys = [[[job.key for job in row] for row in page] for page in planned.jobs]
    return {"title": ask.title, **axes, "rows": [row.label for row in planned.rows], "jobs": keys}
