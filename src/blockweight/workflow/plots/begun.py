"""A plot that is begun: a fact of the project, rendered with pauses and gone on with, given up, taken away as files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.project import (
    PLOT_CANCELLED,
    PLOT_PLANNED,
    PLOT_RESUMED,
    PLOTTED,
    BegunAxis,
    BegunPlot,
    TuningState,
    placed_plot,
    plot_body,
)
from blockweight.render import Renderer
from blockweight.report import writing_whole
from blockweight.workflow.places import check_places, place_of, places_of
from blockweight.workflow.plots.axes import Axis, Place
from blockweight.workflow.plots.builder import TypedBuilder, read_builder
from blockweight.workflow.plots.drawing import Output, PlotLook, write_plot
from blockweight.workflow.plots.palette import palette_of
from blockweight.workflow.plots.planning import PlannedPlot, PlotAsk, Row
from blockweight.workflow.progress import Progress
from blockweight.workflow.renderers import check_renderers
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import RenderedPart, render_jobs


def begin_plot(tuning: TuningProject, typed: TypedBuilder, *, event_id: str = "") -> TuningState:
    """Plan a plot, so that `render_plot` renders it; its cells stay as they are now, whatever is tuned later. The same
    that is begun already is not begun twice. BlockweightError, with the first reason, for one that cannot be read."""
    built = read_builder(tuning, typed, palette_of(tuning))
    planned = built.planned
    if planned is None:
        raise BlockweightError(built.reason)
    jobs = planned.every
    scenes = list(dict.fromkeys(job.scene for job in jobs))
    loras = {job.lora.digest: place_of(Path(job.lora.path)) for job in {job.lora: job for job in jobs}.values()
             if job.lora.digest}  # fmt: skip
    body = {
        **plot_body(planned.ask.title, typed.language, _axes_of(planned), planned.jobs),
        "places": {**places_of(scenes), **loras},
    }
    return tuning.log.add(PLOT_PLANNED, lambda _: body, event_id=event_id)


def resume_plot(tuning: TuningProject, number: int, *, event_id: str = "") -> TuningState:
    """Make the plot of this number the one that `render_plot` renders. BlockweightError for one that is complete or was
    given up."""
    return tuning.log.add(PLOT_RESUMED, lambda _: {"plot": number}, event_id=event_id)


def cancel_plot(tuning: TuningProject, number: int, *, event_id: str = "") -> TuningState:
    """Give a plot up; its pictures are kept. BlockweightError for one that is complete."""
    return tuning.log.add(PLOT_CANCELLED, lambda _: {"plot": number}, event_id=event_id)


def render_plot(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the plot lacks that was begun or gone on with last; once nothing is left, write its page to a folder
    of the project's, and record it.

    `stopped` is asked at every step, and so is whether it was given up or another one begun meanwhile; after a stop, or
    a kill, the next call goes on. The renderer is made only if something is missing. BlockweightError if none is begun,
    a file is not where it was, a renderer is a server that the settings do not name, or the renderer refuses.
    """
    begun = current_plot(tuning.state())
    if begun is None:
        raise BlockweightError("No plot is begun; begin one on the Compare page.")
    number = begun.number

    def ended() -> bool:
        return stopped() or not _stands(tuning.state(), number)

    placed = placed_plot(tuning.state(), begun)
    planned = planned_of(placed)
    part, jobs = RenderedPart(0, 0), planned.every
    missing = len(tuning.project.missing(jobs))
    if missing:
        check_renderers(scene.renderer for scene in placed.scenes)
        check_places(tuning.log, placed.scenes, [job.lora for job in jobs if job.lora.digest])
        part = render_jobs(tuning.project, jobs, missing, "The plot", make_renderer, progress, ended)
    if not part.left and not begun.folder and _stands(tuning.state(), number):
        drawn = write_plot(planned, tuning.project, PlotLook((), language=begun.language))
        tuning.log.add(PLOTTED, lambda _: {"plot": number, "folder": drawn.folder.name})
    return part


def current_plot(state: TuningState) -> BegunPlot | None:
    """The plot that was begun or gone on with last, if it was not given up."""
    latest = next(reversed(state.plots), None)
    return None if latest is None or latest.cancelled else latest


def find_plot(state: TuningState, number: int) -> BegunPlot:
    """The plot of this number. BlockweightError if there is none, or it was given up."""
    found = next((plot for plot in state.plots if plot.number == number and not plot.cancelled), None)
    if found is None:
        raise BlockweightError(f"The project has no plot {number}; load the page anew.")
    return found


def planned_of(begun: BegunPlot) -> PlannedPlot:
    """The plot as it was planned."""
    x, y, z = (_axis_of(axis) for axis in (begun.x, begun.y, begun.z))
    rows = tuple(Row(place.label, number, 0, place.baseline) for number, place in enumerate(y.places))
    return PlannedPlot(PlotAsk((), x, y, z, begun.title), rows, begun.jobs)


def plot_download(tuning: TuningProject, number: int, output: Output) -> Path:
    """A complete plot as one file of its folder, written if it is not there: the picture or document, or a zip of its
    pages. BlockweightError for a plot that is not complete."""
    begun = find_plot(tuning.state(), number)
    if not begun.folder:
        raise BlockweightError("The plot is not complete yet; render the rest first.")
    drawn = write_plot(planned_of(begun), tuning.project, PlotLook((output,), language=begun.language))
    files = [file for file in drawn.files if file.suffix == f".{output}"]
    if len(files) == 1:
        return files[0]
    pages = drawn.folder / f"plot-{output}.zip"
    with writing_whole(pages) as whole, zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as made:
        for file in files:
            made.write(file, file.name)
    return pages


def _stands(state: TuningState, number: int) -> bool:
    begun = current_plot(state)
    return begun is not None and begun.number == number


def _axes_of(planned: PlannedPlot) -> tuple[BegunAxis, BegunAxis, BegunAxis]:
    """With a place for every row of the second."""
    rows = BegunAxis(
        planned.ask.y.title,
        planned.ask.y.kinds,
        tuple(row.label for row in planned.rows),
        tuple(number for number, row in enumerate(planned.rows) if row.baseline),
    )
    return _begun_axis(planned.ask.x), rows, _begun_axis(planned.ask.z)


def _begun_axis(axis: Axis) -> BegunAxis:
    marked = tuple(number for number, place in enumerate(axis.places) if place.baseline)
    return BegunAxis(axis.title, axis.kinds, tuple(place.label for place in axis.places), marked)


def _axis_of(axis: BegunAxis) -> Axis:
    marked: Mapping[int, bool] = dict.fromkeys(axis.baseline, True)
    places = tuple(Place(label, (), marked.get(number, False)) for number, label in enumerate(axis.labels))
    return Axis(axis.title, axis.kinds, places)
