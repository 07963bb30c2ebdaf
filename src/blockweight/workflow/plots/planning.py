"""A plot before anything is rendered: its cells as jobs, in an order that changes models and LoRAs least."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.workflow.plots.axes import NO_AXIS, Axis, Place, shot_at
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import Shot
from blockweight.workflow.sampling_options import idle_eta

MOST_CELLS = 20_000
"""Of a plot: more, and one has mistaken something."""


@dataclass(frozen=True)
class PlotAsk:
    """What a plot is of: the scenes, each a picture with what it is called, that are repeated in every row; and up to
    three axes. `title` stands above it."""

    scenes: tuple[tuple[str, Shot], ...]
    x: Axis = NO_AXIS
    y: Axis = NO_AXIS
    z: Axis = NO_AXIS
    title: str = ""

    @property
    def cells(self) -> int:
        """How many there are."""
        return len(self.scenes) * len(self.x.places) * len(self.y.places) * len(self.z.places)


@dataclass(frozen=True)
class Row:
    """A row's label, the place on the y axis and the number of the scene that it is of."""

    label: str
    place: int
    scene: int
    baseline: bool = False


@dataclass(frozen=True)
class PlannedPlot:
    """The plot's jobs, jobs[z][row][x]; `notes` are sentences on what was asked for and plays no part."""

    ask: PlotAsk
    rows: tuple[Row, ...]
    jobs: tuple[tuple[tuple[Job, ...], ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def every(self) -> list[Job]:
        """All jobs, each key once, in an order that changes models and LoRAs least."""
        flat = {job.key: job for page in self.jobs for row in page for job in row}
        return rendering_order(list(flat.values()))


def plan_plot(ask: PlotAsk, resolver: Resolver, told: Callable[[int], None] = lambda _done: None) -> PlannedPlot:
    """Read every cell; `told` of how many are. BlockweightError, which names the cell, for the first that cannot be
    had, and for too many."""
    if not ask.scenes:
        raise BlockweightError("A plot needs a prompt; give one with --prompt, or prompts on an axis.")
    if ask.cells > MOST_CELLS:
        raise BlockweightError(
            f"The plot would have {ask.cells} cells, more than {MOST_CELLS}; give fewer values, or several plots."
        )
    rows = tuple(
        Row("\n".join(filter(None, (place.label, label))), y, scene, place.baseline)
        for y, place in enumerate(ask.y.places)
        for scene, (label, _) in enumerate(ask.scenes)
    )
    done = 0
    etas: dict[str, bool] = {}

    def job(*places: Place, scene: int) -> Job:
        nonlocal done
        label, shot = ask.scenes[scene]
        try:
            asked = shot_at(shot, *places)
            found = resolver.job(asked)
        except BlockweightError as error:
            at = ", ".join(filter(None, (*(place.label for place in places), label))).replace("\n", ", ")
            if not at:
                raise
            raise BlockweightError(f"{error} (In the cell {at}.)") from error
        done += 1
        told(done)
        if asked.sampling.eta is not None:
            etas[found.scene.sampler] = found.scene.eta is not None
        return replace(found, scene=replace(found.scene, label=label or found.scene.label))

    jobs = tuple(
        tuple(tuple(job(x, ask.y.places[row.place], z, scene=row.scene) for x in ask.x.places) for row in rows)
        for z in ask.z.places
    )
    return PlannedPlot(ask, rows, jobs, tuple(_notes_on(etas)))


def _notes_on(etas: Mapping[str, bool]) -> Iterator[str]:
    """Of the samplers that were asked for an eta, those without one. BlockweightError if none has."""
    idle = [sampler for sampler, takes in etas.items() if not takes]
    if idle and len(idle) == len(etas):
        raise idle_eta(idle)
    if idle:
        yield f"Eta plays no part with {', '.join(idle)}."


def rendering_order(jobs: Sequence[Job]) -> list[Job]:
    """The jobs so that each model, VAE and LoRA is loaded no more often than it must: those of one model together,
    among them those of one set of LoRAs, among them those of one way of drawing; what came first, first."""
    first: dict[tuple[Hashable, ...], int] = {}
    keys = [_switches(job) for job in jobs]
    for number, key in enumerate(keys):
        for length in range(1, len(key) + 1):
            first.setdefault(key[:length], number)
    order = sorted(
        range(len(jobs)), key=lambda n: tuple(first[keys[n][:length]] for length in range(1, len(keys[n]) + 1))
    )
    return [jobs[number] for number in order]


def _switches(job: Job) -> tuple[Hashable, ...]:
    """What is exchanged between pictures, the slowest first; renderers come one after another."""
    scene = job.scene
    loras = (job.lora.digest, *sorted(each.use.digest for each in scene.loras))
    parts = ("" if scene.vae is None else scene.vae.digest, *(each.model.digest for each in scene.controls))
    return scene.renderer, scene.checkpoint.digest, loras, parts, (scene.picture_size, scene.sampler, scene.steps)
