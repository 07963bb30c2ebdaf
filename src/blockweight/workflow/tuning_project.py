"""A tuning project opened to work on: its folder, its state, its pictures and thumbnails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from blockweight.blocks import Family, family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Scene
from blockweight.project import (
    CREATED,
    History,
    News,
    Program,
    Project,
    Subject,
    Thumbnails,
    TuningLog,
    TuningState,
    created_body,
)
from blockweight.weights import BlockWeights, check_name, uniform
from blockweight.workflow.baking import read_weights_for
from blockweight.workflow.model_fit import check_models
from blockweight.workflow.places import place_of, places_of
from blockweight.workflow.prompt_loras import refuse_twice
from blockweight.workflow.recent_projects import holds_project, normal, remember


@dataclass(frozen=True)
class TuningProject:
    """An open tuning project. Threads may share one; close it, or use it as a context manager."""

    project: Project
    log: TuningLog
    thumbnails: Thumbnails

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    @property
    def in_place(self) -> bool:
        """Whether the folder still holds the project that was opened, not another that was put there."""
        return self.project.log.in_place

    def state(self) -> TuningState:
        """The state now, with what other processes did."""
        return self.log.state()

    def state_since(self, version: int) -> News | None:
        """What is new since the state of this version (0: everything); None if nothing is."""
        return self.log.state_since(version)

    def close(self) -> None:
        """Close the log."""
        self.project.log.close()

    def __enter__(self) -> TuningProject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def create_project(
    folder: Path,
    lora: Path,
    scenes: Sequence[Scene],
    *,
    name: str = "",
    weights: str = "",
    fill: float | None = None,
    rest: float | None = None,
    strength: float = 1.0,
) -> TuningProject:
    """Make a tuning project of a LoRA in scenes (at least one), and open it.

    `name` is the folder's name if it is empty, `weights` in any notation all 1. The folder may hold the pictures of
    analyses and rounds already; equal ones are taken from there. BlockweightError, with nothing made, for a LoRA or
    weights that cannot be read, a model of another family, and a folder that is a tuning project already.
    """
    title = check_name(name.strip() or normal(folder).name or "project")
    if not scenes:
        raise BlockweightError("A project needs a scene; give a prompt and a seed.")
    if not math.isfinite(strength):
        raise BlockweightError(f"The LoRA's strength must be a finite number, not {strength}.")
    if holds_project(folder):
        with Project(folder) as project:
            if TuningLog(project.log).created:
                raise BlockweightError(f"'{folder}' is a tuning project already; open it, or choose another folder.")
    opened = open_lora(lora)
    refuse_twice(opened.digest, scenes)
    check_models(lora.name, opened.family.name, scenes)
    layout = opened.family.layout
    start = uniform(title, layout, 1.0)
    if weights.strip():
        start, _ = read_weights_for(opened.family, opened.blocks, weights, fill, rest, name=title)
    elif rest is not None:
        start = replace(start, rest=rest)
    subject = Subject(lora.name, opened.digest, strength, layout, opened.blocks)
    places = {opened.digest: place_of(lora), **places_of(scenes)}
    body = {**created_body(title, subject, scenes, start), "places": places}
    History().check(CREATED, body)  # before anything is made
    made = _opened(Project(folder))
    try:
        made.log.create(body)
    except BaseException:
        made.close()
        raise
    remember(folder, title)
    return made


def open_project(folder: Path, program: Program = "command") -> TuningProject:
    """Open a tuning project, and remember it among the recent ones; `program` is what others are told that renders
    here. BlockweightError if the folder holds none."""
    if not holds_project(folder):
        raise BlockweightError(
            f"There is no project in '{folder}'; check the path, or make one with 'blockweight project new'."
        )
    made = _opened(Project(folder, program))
    try:
        remember(folder, made.state().name)
    except BaseException:
        made.close()
        raise
    return made


def typed_weights(
    state: TuningState, text: str, fill: float | None = None, rest: float | None = None
) -> tuple[BlockWeights, tuple[str, ...]]:
    """Weights in any notation for the project's LoRA, whose file is not needed, and the blocks that took the fill."""
    subject = state.subject
    return read_weights_for(family_of(state), subject.blocks, text, fill, rest, name=state.weights.name)


def family_of(state: TuningState) -> Family:
    """The family as fitted to the LoRA when the project was made."""
    layout = state.subject.layout
    family = family_by_name(layout.family)
    others = (other for other in family.layouts if other != layout)
    return replace(family, layouts=(layout, *others))


def _opened(project: Project) -> TuningProject:
    return TuningProject(project, TuningLog(project.log), Thumbnails(project.folder))
