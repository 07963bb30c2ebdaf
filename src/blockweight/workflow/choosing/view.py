"""All that the page of choices shows, as plain values."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from blockweight.project import CHOICE_MADE, CHOICES_PLANNED, Choosing, TuningState
from blockweight.weights import format_weight
from blockweight.workflow.choosing.asking import ChoosingAsked
from blockweight.workflow.choosing.proposing import standing
from blockweight.workflow.choosing.running import choice_jobs, choosing_cost, place_names, round_scenes
from blockweight.workflow.choosing.text import known_text, short_text
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost
from blockweight.workflow.tuning_text import block_text


@dataclass(frozen=True)
class ShownSegment:
    """A segment: its name, its blocks as a text, its weight in the best, what is known of it (`text.known_text`), and
    the chance that another weight of it is noticeably better."""

    name: str
    blocks: str
    weight: str
    known: str
    chance: float


@dataclass(frozen=True)
class ShownChoices:
    """What the choices have come to: how many were judged, the best weights as a text and block by block, the chance
    that it is the best of all that were shown and that others are noticeably better, whether to stop; and of the latest
    round every picture's name, key, weights, and what it was (`best`, `worst`, empty), with the control's name."""

    judged: int
    best: str
    weights: str
    surest: float
    better: float
    settled: bool
    segments: tuple[ShownSegment, ...]
    latest: tuple[tuple[str, str, str, str], ...]
    control: str


def choices_view(tuning: TuningProject) -> dict[str, object]:
    """The round that is to be judged: what its pictures are called, their keys and whether they are there, scene by
    scene, but not their weights. None where nothing is begun."""
    state = tuning.state()
    choosing = state.choosing
    return {
        "version": state.version,
        "undo": state.undo is not None and state.undo.kind in (CHOICE_MADE, CHOICES_PLANNED),
        "round": None if choosing is None else _round_facts(tuning, state, choosing),
    }


def shown_choices(tuning: TuningProject) -> ShownChoices | None:
    """What the choices have come to; None before anything was judged."""
    state = tuning.state()
    choosing = state.choosing
    if choosing is None or not choosing.judged:
        return None
    stands, latest = standing(choosing), choosing.judged[-1]
    names = place_names(latest)
    keys = [job.key for job in choice_jobs(state, choosing, latest)]
    said = {latest.best: "best", latest.worst: "worst"}
    segments = tuple(
        ShownSegment(
            each.name,
            block_text(each.blocks, choosing.weights.layout) or "REST",
            format_weight(weight),
            known_text(known.matters, known.open),
            known.open,
        )
        for each, known, weight in zip(choosing.segments, stands.segments, stands.best, strict=True)
    )
    return ShownChoices(
        len(choosing.judged),
        short_text(choosing, stands.best),
        choosing.weights_of(stands.best, choosing.weights.name).text(),
        stands.surest,
        stands.better,
        stands.settled,
        segments,
        tuple(
            (name, keys[place], short_text(choosing, latest.points[place]), said.get(place, ""))
            for place, name in enumerate(names)
        ),
        names[latest.control],
    )


def left_of(tuning: TuningProject) -> Cost | None:
    """What the round that is to be judged takes; None where nothing is begun."""
    choosing = tuning.state().choosing
    return None if choosing is None else choosing_cost(tuning, choosing)


def prefer_command(asked: ChoosingAsked) -> str:
    """The line of a shell that begins the same in the project's folder."""
    parts = ["blockweight", "tune", "prefer", "--project", "."]
    for option, text in (("--segments", asked.segments), ("--grid", asked.grid)):
        parts += [option, text.strip()] if text.strip() else []
    if asked.between is not None:
        parts += ["--between", *map(format_weight, asked.between)]
    if asked.scenes:
        parts += ["--scenes", ",".join(map(str, asked.scenes))]
    if asked.seed is not None:
        parts += ["--seed", str(asked.seed)]
    return shlex.join(parts)


def _round_facts(tuning: TuningProject, state: TuningState, choosing: Choosing) -> dict[str, object]:
    shown = choosing.open
    scenes, names = round_scenes(choosing, shown), place_names(shown)
    jobs = choice_jobs(state, choosing)
    keys = [job.key for job in jobs]
    ready = [tuning.project.pictures.path(job).is_file() for job in jobs]
    starts = range(0, len(jobs), len(names))
    return {
        "choosing": choosing.number,
        "number": len(choosing.rounds),
        "kind": shown.kind,
        "names": list(names),
        "scenes": [{"label": scene.label, "seed": scene.seed} for scene in scenes],
        "width": scenes[0].picture_size[0],
        "height": scenes[0].picture_size[1],
        "keys": [keys[start : start + len(names)] for start in starts],
        "ready": [ready[start : start + len(names)] for start in starts],
    }
