"""The projects that a person may open: those opened lately, and those in the folder for projects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.workflow.overviews import Overview, overview, overview_of
from blockweight.workflow.projects_folder import projects_folder, projects_in
from blockweight.workflow.recent_projects import holds_project, normal, recent_projects
from blockweight.workflow.settings import Settings
from blockweight.workflow.tuning_project import TuningProject

MOST_SHOWN = 24
"""Projects of which a list shows more than the name: each has to be opened for it."""


@dataclass(frozen=True)
class ListedProject:
    """A project of the list. `opened` is when it was opened last on this machine (ISO 8601, UTC), empty for never;
    `overview` is None where the folder is `gone`, where `error` says why it cannot be opened, and beyond MOST_SHOWN."""

    folder: Path
    name: str
    opened: str
    gone: bool = False
    overview: Overview | None = None
    error: str = ""


def project_folders(settings: Settings, named: Path | None = None) -> Iterator[Path]:
    """Every folder that the list shows: opened lately, latest first, the one that is `named`, and those in the folder
    for projects."""
    known = dict.fromkeys(each.folder for each in recent_projects())
    if named is not None and holds_project(named):
        known.setdefault(normal(named))
    known |= dict.fromkeys(projects_in(projects_folder(settings)))
    return iter(known)


def listed_projects(
    folders: Iterable[Path], at_hand: Mapping[Path, TuningProject] | None = None
) -> Iterator[ListedProject]:
    """These folders as a list shows them; those that are open `at_hand` need not be opened for it."""
    opened = {each.folder: each for each in recent_projects()}
    shown = 0
    for folder in folders:
        recent = opened.get(folder)
        known = ListedProject(folder, recent.name if recent else folder.name, recent.opened if recent else "")
        if not holds_project(folder):
            yield ListedProject(folder, known.name, known.opened, gone=True)
            continue
        shown += 1
        yield known if shown > MOST_SHOWN else _looked_into(known, (at_hand or {}).get(folder))


def _looked_into(known: ListedProject, at_hand: TuningProject | None) -> ListedProject:
    try:
        found = overview(known.folder) if at_hand is None else overview_of(at_hand.project, at_hand.log)
    except BlockweightError as error:
        return ListedProject(known.folder, known.name, known.opened, error=str(error))
    return ListedProject(known.folder, found.name, known.opened, overview=found)
