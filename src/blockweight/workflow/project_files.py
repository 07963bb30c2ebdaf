"""A whole project as one file: export, and import with its LoRA and models found again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.project import Exported, Project, TuningLog, read_archive, write_archive
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary
from blockweight.workflow.places import find_again, locate, look_in_libraries
from blockweight.workflow.projects_folder import free_folder
from blockweight.workflow.recent_projects import normal, recent_projects
from blockweight.workflow.tuning_project import TuningProject, open_project

_ABANDONED = 24 * 3600
"""Seconds after which nobody waits for a download any more."""


@dataclass(frozen=True)
class Imported:
    """An imported project: its folder, name, how many pictures it brought, and what was not found on this machine,
    digest → file name."""

    folder: Path
    name: str
    pictures: int
    missing: dict[str, str]


def export_project(
    tuning: TuningProject, target: Path | None = None, *, overwrite: bool = False
) -> tuple[Path, Exported]:
    """Write the project to one zip, beside its folder as `<folder>.zip` unless `target` says where; returns the file
    and what it holds. Paths of this machine are not in it: the LoRA and the models stand there by name and digest."""
    here = normal(tuning.folder)
    file = here.parent / f"{here.name}.zip" if target is None else target
    return file, write_archive(tuning.project, file, overwrite=overwrite)


def export_for_download(tuning: TuningProject) -> Path:
    """Write the project to a zip of a name that nobody has, in its own folder, where there is a disk for its pictures;
    whoever sends it away deletes it. What a killed process left there is removed in time."""
    for left in tuning.folder.glob(".export-*.zip"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    file = tuning.folder / f".export-{secrets.token_hex(8)}.zip"
    write_archive(tuning.project, file)
    return file


def import_project(
    source: Path,
    folder: Path | None = None,
    *,
    lora: Path | None = None,
    models: Iterable[Path] = (),
    embeddings: Iterable[Path] = (),
    files: Iterable[Path] = (),
    search: Iterable[Path] = (),
) -> Imported:
    """Unpack an exported project to a new folder (the zip's name without `.zip`), checked, and open it.

    The LoRA, the models, the embeddings and other files are where `lora`, `models`, `embeddings` and `files` say, or
    are looked for by name and digest: in the folders of `search`, beside the zip, and where those of recent projects
    lie. What is not found can be said later (`locate`); all but rendering works without. BlockweightError, with nothing
    written, for a zip that is not whole or not a project's.
    """
    target = source.parent / source.stem if folder is None else folder
    pictures = read_archive(source, normal(target))
    folders = [*search, source.absolute().parent, *_known_folders()]
    with open_project(target) as tuning:
        try:
            locate(tuning.log, lora, models, embeddings, files)
        except BlockweightError as error:
            raise BlockweightError(f"The project was imported to '{target}', but: {error}") from None
        state = find_again(tuning.log, folders)
        return Imported(target, state.name, pictures, state.unplaced)


def import_among(source: Path, name: str, parent: Path, loras: Library, models: ModelLibrary) -> Imported:
    """Unpack an exported project that is called `name` to a new folder in `parent`, as `import_project`; its LoRA and
    models are looked for in these libraries too."""
    stem = name[: -len(".zip")] if name.lower().endswith(".zip") else name
    imported = import_project(source, free_folder(parent, stem))
    if not imported.missing:
        return imported
    with open_project(imported.folder) as tuning:
        return replace(imported, missing=look_in_libraries(tuning.log, loras, models).unplaced)


def _known_folders() -> Iterable[Path]:
    """The folders of recent projects' LoRAs and models."""
    for recent in recent_projects():
        if not recent.there:
            continue
        try:
            with Project(recent.folder) as project:
                places = TuningLog(project.log).state().places
        except BlockweightError:
            continue  # a damaged project is no reason not to import another
        yield from (Path(place["path"]).parent for place in places.values())
