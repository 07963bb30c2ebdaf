"""What the log tells of plots that were begun: every cell as it was planned, whatever is tuned, renamed or moved later.

They stand beside the tuning history, like comparisons and transfers: no undo of a step takes one away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath

from blockweight.errors import BlockweightError
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.project.begun import completed, given_up
from blockweight.project.plain import (
    Body,
    layout_body,
    layout_from,
    plot_scene_from,
    scene_body,
    text_in,
    texts_in,
    use_from,
    weights_body,
    weights_from,
    whole_in,
    words_in,
)

PLOT_PLANNED = "plot planned"
PLOT_RESUMED = "plot resumed"
PLOT_CANCELLED = "plot cancelled"
PLOTTED = "plotted"

PLOTTING = frozenset({PLOT_PLANNED, PLOT_RESUMED, PLOT_CANCELLED, PLOTTED})
"""The kinds of events of plots."""


Cells = tuple[tuple[tuple[Job, ...], ...], ...]
"""A plot's jobs, [grid][row][column]."""


@dataclass(frozen=True)
class BegunAxis:
    """An axis: what it is called, the names of the kinds that stand on it, and its places' labels, of which those
    numbered in `baseline` are there to compare with."""

    title: str
    kinds: tuple[str, ...]
    labels: tuple[str, ...]
    baseline: tuple[int, ...] = ()


@dataclass(frozen=True)
class BegunPlot:
    """A plot that was begun. `number` is that of its event, `time` when that was (ISO 8601, UTC); `language` that of
    the words in it. `rows` are all there are, each place of the second axis in every scene, as `y` has them. `folder`
    is the name of the project's folder with its page, empty until every picture is there."""

    number: int
    time: str
    title: str
    language: str
    x: BegunAxis
    y: BegunAxis
    z: BegunAxis
    jobs: Cells
    folder: str = ""
    cancelled: bool = False

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """All scenes, each once."""
        return tuple(dict.fromkeys(job.scene for page in self.jobs for row in page for job in row))

    def moved(self, path: Callable[[str, str], str]) -> BegunPlot:
        """The plot with its files where `path` (of a digest and a name) says."""
        scenes: dict[Scene, Scene] = {}
        uses: dict[LoraUse, LoraUse] = {}

        def placed(job: Job) -> Job:
            scene, use = job.scene, job.lora
            if scene not in scenes:
                scenes[scene] = scene.moved(path)
            if use not in uses:
                uses[use] = replace(use, path=path(use.digest, use.path))
            return replace(job, scene=scenes[scene], lora=uses[use])

        return replace(self, jobs=tuple(tuple(tuple(map(placed, row)) for row in page) for page in self.jobs))


Plots = Mapping[int, BegunPlot]
"""By number, the one that was begun or gone on with last at the end."""


def plot_body(title: str, language: str, axes: Sequence[BegunAxis], jobs: Cells) -> dict[str, object]:
    """The body of PLOT_PLANNED, for axes x, y and z. What cells share stands there once."""
    scenes: dict[Scene, int] = {}
    uses: dict[LoraUse, int] = {}
    variants: dict[Variant, int] = {}
    cells = [
        [
            scenes.setdefault(job.scene, len(scenes)),
            uses.setdefault(job.lora, len(uses)),
            variants.setdefault(job.variant, len(variants)),
        ]
        for page in jobs
        for row in page
        for job in row
    ]
    layouts = list(dict.fromkeys(each.weights.layout for each in variants if each.weights is not None))
    told = {
        name: {**asdict(axis), "kinds": list(axis.kinds), "labels": list(axis.labels), "baseline": list(axis.baseline)}
        for name, axis in zip("xyz", axes, strict=True)
    }
    return {
        "title": title,
        "language": language,
        **told,
        "scenes": list(map(scene_body, scenes)),
        "loras": [{**asdict(use), "path": PurePath(use.path).name} for use in uses],
        "layouts": list(map(layout_body, layouts)),
        "variants": [
            {
                "label": each.label,
                "layout": None if each.weights is None else layouts.index(each.weights.layout),
                "weights": None if each.weights is None else weights_body(each.weights),
            }
            for each in variants
        ],
        "cells": cells,
    }


def next_plots(known: Plots, number: int, time: str, kind: str, body: Body) -> Plots | None:
    """The plots after an event of this number and time; None if it says what is known.

    BlockweightError for an event that does not fit: no such plot, one that is complete or was given up. KeyError,
    TypeError, ValueError or IndexError for a body that no version wrote.
    """
    if kind == PLOT_PLANNED:
        planned = _planned(number, time, body)
        latest = known[tuple(known)[-1]] if known else None
        again = latest is not None and replace(planned, number=latest.number, time=latest.time) == latest
        return None if again else {**known, number: planned}
    which = whole_in(body, "plot")
    if which not in known:
        raise BlockweightError(f"The project has no plot {which}; load the page anew.")
    found = known[which]
    if kind == PLOT_RESUMED:
        if found.cancelled or found.folder:
            raise BlockweightError("The plot is complete or was given up, so there is nothing to go on with.")
        if tuple(known)[-1] == which:
            return None
        return {**{each: plot for each, plot in known.items() if each != which}, which: found}
    made = _ended(found, kind, body)
    return None if made == found else {**known, which: made}


def _ended(found: BegunPlot, kind: str, body: Body) -> BegunPlot:
    if kind == PLOT_CANCELLED:
        return given_up(found, BlockweightError("The plot is complete, so there is nothing to give up."))
    meanwhile = BlockweightError("The plot was given up meanwhile, so it was not recorded; begin it again.")
    return completed(found, "plot", text_in(body, "folder"), meanwhile)


def _planned(number: int, time: str, body: Body) -> BegunPlot:
    x, y, z = (_axis(body[name]) for name in "xyz")
    scenes, uses = [plot_scene_from(each) for each in body["scenes"]], [use_from(each) for each in body["loras"]]
    layouts = [layout_from(each) for each in body["layouts"]]
    variants = [
        Variant(
            words_in(each, "label"),
            None if each["weights"] is None else weights_from(each["weights"], layouts[whole_in(each, "layout")]),
        )
        for each in body["variants"]
    ]
    made = [_job(scenes, uses, variants, cell) for cell in body["cells"]]
    columns, rows, grids = (len(axis.labels) for axis in (x, y, z))
    if len(made) != columns * rows * grids:
        raise ValueError("a plot has a cell for each of its places")
    jobs = tuple(
        tuple(tuple(made[(grid * rows + row) * columns :][:columns]) for row in range(rows)) for grid in range(grids)
    )
    return BegunPlot(number, time, words_in(body, "title"), text_in(body, "language"), x, y, z, jobs)


def _job(scenes: Sequence[Scene], uses: Sequence[LoraUse], variants: Sequence[Variant], cell: Sequence[int]) -> Job:
    scene, use, variant = cell
    if min(cell) < 0:
        raise ValueError("a cell's numbers count from 0")
    return Job(scenes[scene], uses[use], variants[variant])


def _axis(body: Body) -> BegunAxis:
    labels = texts_in(body, "labels")
    baseline = tuple(body["baseline"])
    if not labels or not all(isinstance(each, int) and 0 <= each < len(labels) for each in baseline):
        raise ValueError("an axis has places, of which some are the baseline")
    return BegunAxis(words_in(body, "title"), texts_in(body, "kinds"), labels, baseline)
