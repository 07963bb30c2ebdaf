"""A whole project as one file: export, and import with its LoRA and models found again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.project import Exported, Project, TuningLog, read_archive, write_archive
from blockweight.workflow.places import find_again, locate
from blockweight.workflow.recent_projects import normal, recent_projects
from blockweight.workflow.tuning_project import TuningProject, open_project


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


def import_project(
    source: Path,
    folder: Path | None = None,
    *,
    lora: Path | None = None,
    models: Iterable[Path] = (),
    search: Iterable[Path] = (),
) -> Imported:
    """Unpack an exported project to a new folder (the zip's name without `.zip`), checked, and open it.

    The LoRA and the models are where `lora` and `models` say, or are looked for by name and digest: in the folders of
    `search`, beside the zip, and where those of recent projects lie. What is not found can be said later (`locate`);
    all but rendering works without. BlockweightError, with nothing written, for a zip that is not whole or not a
    project's.
    """
    target = source.parent / source.stem if folder is None else folder
    pictures = read_archive(source, normal(target))
    folders = [*search, source.absolute().parent, *_known_folders()]
    with open_project(target) as tuning:
        try:
            locate(tuning.log, lora, models)
        except BlockweightError as error:
            raise BlockweightError(f"The project was imported to '{target}', but: {error}") from None
        state = find_again(tuning.log, folders)
        return Imported(target, state.name, pictures, state.unplaced)


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
