"""Rounds of a tuning project: what one would cost, planning it, rendering it with pauses, its pictures as a grid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.plan import Job, LoraUse, Round, Scene, Variant
from blockweight.plan import plan_round as planned_round
from blockweight.project import PLANNED, Project, RoundStep, TunedRound, TuningState, planned_body
from blockweight.render import Renderer
from blockweight.weights import BlockWeights
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Progress
from blockweight.workflow.rendering import render_missing_of
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning_project import TuningProject

CURRENT = "current"
"""The label of the weights that a round starts from."""

_LATEST = 64
"""How many of the latest measured times the estimate rests on."""


@dataclass(frozen=True)
class Cost:
    """The pictures of a round or an analysis in all (equal ones once), how many are there already, and how many seconds
    the others take, by the median of the project's latest measured times; None before anything was measured. `asked` is
    what the model is asked beside them without a picture being finished, as so many pictures' work. `most` is how many
    pictures it may become where the first ones decide on further ones; None where it is known."""

    pictures: int
    finished: int
    seconds: float | None
    asked: float = 0.0
    most: int | None = None


@dataclass(frozen=True)
class PlannedRound:
    """A round before it is begun: the variants, its limits, and what it costs."""

    plan: Round
    limits: tuple[float, float] | None
    cost: Cost


@dataclass(frozen=True)
class Column:
    """A column of a round's grid. `without` is the picture without the LoRA, `current` the weights that the round
    starts from; a `variant` moves `block` to `value`."""

    label: str
    kind: Literal["without", "current", "variant"]
    weights: BlockWeights | None
    block: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class RoundGrid:
    """A round's pictures: a row a scene, a column a variant after the two references. `keys[row][column]` is the
    picture's job key, `ready[row][column]` whether it is there."""

    columns: tuple[Column, ...]
    scenes: tuple[Scene, ...]
    keys: tuple[tuple[str, ...], ...]
    ready: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class RenderedPart:
    """What one run of the renderer came to: pictures made now, and still to be made (0: the round is complete)."""

    rendered: int
    left: int


def preview_round(
    tuning: TuningProject, kind: str, step: float, limits: tuple[float, float] | None = None
) -> PlannedRound:
    """The round that `plan_round` would begin now, with its cost; nothing is written."""
    state = tuning.state()
    plan = _plan(state, kind, step, limits)
    moved = [each.variant for each in plan.variants if each.block is not None]
    variants = [NO_LORA, Variant(CURRENT, state.weights), *moved]
    return PlannedRound(plan, limits, cost_of(tuning.project, jobs_in_scenes(state.lora, state.scenes, variants)))


def plan_round(
    tuning: TuningProject,
    kind: str,
    step: float,
    limits: tuple[float, float] | None = None,
    *,
    event_id: str = "",
) -> TuningState:
    """Begin a round around the current weights: Sub, SubAdd, Add or AddSub by `step`, no block beyond `limits` (lower,
    upper). Fixed blocks, and those that the LoRA lacks, are not moved. A round that is open is finished by it.

    BlockweightError if the round would be empty, and as in `plan.plan_round`.
    """
    return tuning.log.add(
        PLANNED, lambda state: planned_body(_plan(state, kind, step, limits), limits), event_id=event_id
    )


def render_round(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the open round lacks, in the project's scenes. `stopped` is asked at every step; after a stop, or a
    kill, the next call goes on. The renderer is made only if something is missing.

    BlockweightError if no round is open, the LoRA or a model is not where it was, or the renderer refuses.
    """
    title = f"Round {_open_round(tuning.state()).kind}"
    return render_missing(tuning, title, _open_jobs, make_renderer, progress, stopped)


def render_missing(
    tuning: TuningProject,
    title: str,
    jobs_in: Callable[[TuningState], Sequence[Job]],
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render those of the jobs that `jobs_in` finds in the project's state which have no picture yet. As
    `render_round`."""
    missing = len(tuning.project.missing(jobs_in(tuning.state())))
    if not missing:
        return RenderedPart(0, 0)
    jobs = jobs_in(check_places(tuning.log))
    return render_jobs(tuning.project, jobs, missing, title, make_renderer, progress, stopped)


def render_jobs(
    project: Project,
    jobs: Sequence[Job],
    missing: int,
    title: str,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool],
) -> RenderedPart:
    """Render the jobs of which so many pictures are missing, with progress under `title`. `stopped` is asked at
    every step. Who calls has counted what is missing: that reads every picture. UnavailableError if another program
    renders the project."""
    total = len({job.key for job in jobs})
    with project.alone():  # before a renderer is made, which takes seconds
        made = 0
        with progress.track(title, total, total - missing) as bar:
            for _ in render_missing_of(project, make_renderer, jobs, stopped, bar.step):
                bar.advance()
                made += 1
    return RenderedPart(made, len(project.missing(jobs)))


def cost_of(project: Project, jobs: Sequence[Job], asked: float = 0.0) -> Cost:
    """What rendering these jobs in the project costs, and asking the model for as much work as `asked` pictures."""
    distinct = {job.key: job for job in jobs}
    missing = [job.scene.renderer for job in distinct.values() if not project.pictures.path(job).is_file()]
    work = {name: float(count) for name, count in Counter(missing).items()}
    if asked:
        work[""] = work.get("", 0.0) + asked
    each = {name: seconds_each(project, name) for name in work}
    known = [count * seconds for name, count in work.items() if (seconds := each[name]) is not None]
    return Cost(len(distinct), len(distinct) - len(missing), sum(known) if len(known) == len(work) else None, asked)


def with_further(project: Project, cost: Cost, pictures: int) -> Cost:
    """The cost with so many further pictures, none of which is there."""
    each = seconds_each(project) if pictures else None
    seconds = cost.seconds if not pictures else None if each is None else (cost.seconds or 0.0) + pictures * each
    return replace(cost, pictures=cost.pictures + pictures, seconds=seconds)


def round_cost(tuning: TuningProject) -> Cost:
    """What is there of the open round, and what the rest takes. BlockweightError if no round is open."""
    state = tuning.state()
    return cost_of(tuning.project, _open_jobs(state))


def round_grid(tuning: TuningProject, number: int | None = None) -> RoundGrid:
    """The pictures of the open round, or of the one with this number (`RoundStep.round.number`) in its own scenes.
    BlockweightError if there is none."""
    state = tuning.state()
    if number is None:
        planned, scenes = _open_round(state), state.scenes
    else:
        found = next((each for each in state.rounds if each.round.number == number), None)
        if found is None:
            raise BlockweightError(f"There is no round {number}; see 'blockweight tune history'.")
        planned, scenes = found.round, found.scenes
    return grid_of(tuning.project, state.lora, scenes, round_columns(planned))


def grid_of(project: Project, lora: LoraUse, scenes: tuple[Scene, ...], columns: tuple[Column, ...]) -> RoundGrid:
    """The pictures of these columns in these scenes."""
    jobs = jobs_in_scenes(lora, scenes, [Variant(column.label, column.weights) for column in columns])
    keys = [job.key for job in jobs]
    ready = [project.pictures.path(job).is_file() for job in jobs]
    starts = range(0, len(jobs), len(columns))
    return RoundGrid(
        columns,
        scenes,
        tuple(tuple(keys[start : start + len(columns)]) for start in starts),
        tuple(tuple(ready[start : start + len(columns)]) for start in starts),
    )


def round_cover(project: Project, lora: LoraUse, step: RoundStep) -> str | None:
    """The key of the picture that shows a round in a strip: the weights that it started from in its first scene; None
    while that is not there."""
    job = Job(step.scenes[0], lora, Variant(CURRENT, step.round.weights))
    return job.key if project.pictures.path(job).is_file() else None


def round_columns(planned: TunedRound) -> tuple[Column, ...]:
    """The round's columns: no LoRA, the weights that it starts from, then its variants in order. The base lines of
    its series (Sub, Add) are the same picture as the second."""
    variants = (
        Column(each.label, "variant", planned.weights_of(each), each.block, each.value) for each in planned.variants
    )
    return (Column(NO_LORA.label, "without", None), Column(CURRENT, "current", planned.weights), *variants)


def _plan(state: TuningState, kind: str, step: float, limits: tuple[float, float] | None) -> Round:
    if limits is not None and not all(map(math.isfinite, limits)):
        raise BlockweightError("The limits must be finite numbers; leave them out to have none.")
    blocks = state.subject.layout.blocks
    held = {*state.fixed, *(block for block in blocks if block not in state.subject.blocks)}
    if len(held) == len(blocks):
        raise BlockweightError("Every block is fixed, so the round would be empty; unfix at least one block.")
    plan = planned_round(kind, state.weights, held, step, limits)
    if all(each.block is None for each in plan.variants):
        raise BlockweightError("The limits let no block move, so the round would be empty; widen them.")
    return plan


def _open_round(state: TuningState) -> TunedRound:
    if state.round is None:
        raise BlockweightError("No round is open; plan one with 'tune round'.")
    return state.round


def _open_jobs(state: TuningState) -> tuple[Job, ...]:
    variants = [Variant(column.label, column.weights) for column in round_columns(_open_round(state))]
    return jobs_in_scenes(state.lora, state.scenes, variants)


def jobs_in_scenes(lora: LoraUse, scenes: Sequence[Scene], variants: Sequence[Variant]) -> tuple[Job, ...]:
    """Every variant in every scene, scene by scene."""
    return _known_jobs(lora, tuple(scenes), tuple(variants))


@lru_cache(maxsize=16)
def _known_jobs(lora: LoraUse, scenes: tuple[Scene, ...], variants: tuple[Variant, ...]) -> tuple[Job, ...]:
    """The same jobs again for the same round: thousands of keys are not hashed anew for every look at a page."""
    return tuple(Job(scene, lora, variant) for scene in scenes for variant in variants)


def seconds_each(project: Project, renderer: str = "") -> float | None:
    """How long a picture of the renderer of this name takes (`Scene.renderer`), by the median of the project's latest
    measured times; None before any was measured."""
    events = (event.body for event in project.log.read("rendered"))
    told = [body.get("seconds") for body in events if body.get("renderer", "") == renderer]
    measured = [seconds for seconds in told if isinstance(seconds, int | float) and math.isfinite(seconds)]
    return median(measured[-_LATEST:]) if measured else None
