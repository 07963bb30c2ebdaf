"""What the page of a project shows: what it tunes, its scenes with pictures, what is missing, and its rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.plan import Job, Scene, Variant
from blockweight.project import TuningState
from blockweight.weights import format_weight, uniform
from blockweight.workflow.places import lost_files
from blockweight.workflow.scene_edits import scene_fields, scene_key
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tune_view import round_rows
from blockweight.workflow.tuning_project import TuningProject, family_of
from blockweight.workflow.tuning_rounds import CURRENT
from blockweight.workflow.tuning_text import step_text


@dataclass(frozen=True)
class ShownScene:
    """A scene of the list: its key (`scene_key`), its fields as they are typed, and the key of a picture of it, with
    the latest weights that were rendered; None before there is one."""

    key: str
    scene: Scene
    fields: dict[str, str]
    cover: str | None


@dataclass(frozen=True)
class MissingFile:
    """A file that is not where the project last saw it: its name, and whether it is the LoRA."""

    name: str
    lora: bool


@dataclass(frozen=True)
class ProjectView:
    """The page's facts. `blocks` are the layout's, each with whether the LoRA changes it and whether it is fixed;
    `undecided` is how many of the LoRA's blocks are not fixed, `strength` as it is typed; `undo` and `redo` say what
    they would do, empty for nothing."""

    state: TuningState
    family: str
    models: tuple[str, ...]
    strength: str
    undecided: int
    blocks: tuple[tuple[str, bool, bool], ...]
    scenes: tuple[ShownScene, ...]
    missing: tuple[MissingFile, ...]
    rounds: Sequence[dict[str, object]]
    undo: str
    redo: str


def project_view(tuning: TuningProject) -> ProjectView:
    """The project as it stands."""
    state = tuning.state()
    subject = state.subject
    present, fixed, layout = set(subject.blocks), set(state.fixed), subject.layout
    return ProjectView(
        state,
        family_of(state).title,
        tuple(dict.fromkeys(Path(scene.checkpoint.path).name for scene in state.scenes)),
        format_weight(subject.strength),
        len(present - fixed),
        tuple((block, block in present, block in fixed) for block in layout.blocks),
        tuple(_shown(tuning, state, scene) for scene in state.scenes),
        tuple(MissingFile(name, digest == state.lora.digest) for digest, name in lost_files(state).items()),
        round_rows(tuning, state),
        "" if state.undo is None else step_text(state.undo, layout),
        "" if state.redo is None else step_text(state.redo, layout),
    )


def _shown(tuning: TuningProject, state: TuningState, scene: Scene) -> ShownScene:
    rounds = [each.round.weights for each in reversed(state.rounds)]
    weights = [state.weights, *rounds, uniform("ALL", state.subject.layout, 1.0)]
    variants = [*(Variant(CURRENT, each) for each in weights), NO_LORA]
    jobs = (Job(scene, state.lora, variant) for variant in variants)
    cover = next((job.key for job in jobs if tuning.project.pictures.path(job).is_file()), None)
    return ShownScene(scene_key(scene), scene, scene_fields(scene), cover)
