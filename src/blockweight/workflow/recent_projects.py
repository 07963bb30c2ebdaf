"""The projects that a person worked on lately, latest first: `recent.json` in the config folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.project import LOG, Project, TuningLog
from blockweight.report import write_whole
from blockweight.workflow.config_folder import config_folder

MOST = 50
"""How many projects are remembered."""


@dataclass(frozen=True)
class RecentProject:
    """A project that was opened on this machine: its folder and name, and when that was (ISO 8601, UTC)."""

    folder: Path
    name: str
    opened: str

    @property
    def there(self) -> bool:
        """Whether the folder still holds a project."""
        return holds_project(self.folder)


@dataclass(frozen=True)
class Overview:
    """What a list of projects shows of one: its name, how many pictures were finished, the key of the latest that is
    there (None without any), for a thumbnail, the weights as text and one by one, and the LoRA's file name."""

    name: str
    pictures: int
    cover: str | None
    weights: str
    values: tuple[float, ...]
    lora: str


def recent_projects() -> tuple[RecentProject, ...]:
    """The projects opened lately, latest first; also those whose folder is gone (`there`)."""
    try:
        listed = json.loads(_file().read_text(encoding="utf-8"))
        return tuple(RecentProject(Path(each["folder"]), str(each["name"]), str(each["opened"])) for each in listed)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()  # a list of what was opened is worth no error; it fills again


def remember(folder: Path, name: str) -> None:
    """Put a project first in the list. A list that cannot be written is no reason not to work on the project."""
    here = normal(folder)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    others = [each for each in recent_projects() if each.folder != here]
    with suppress(BlockweightError, OSError, ValueError):
        _write([RecentProject(here, name, opened), *others][:MOST])


def forget(folder: Path) -> None:
    """Take a project from the list; its folder stays as it is. BlockweightError if the list cannot be written."""
    left = [each for each in recent_projects() if each.folder != normal(folder)]
    try:
        _write(left)
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The list of projects cannot be written ({error}); set BLOCKWEIGHT_CONFIG.") from error


def overview(folder: Path) -> Overview:
    """What a list shows of the project in this folder. BlockweightError if it is none, or damaged."""
    if not holds_project(folder):
        raise BlockweightError(f"There is no project in '{folder}' any more; check the path.")
    with Project(folder) as project:
        state = TuningLog(project.log).state()
        keys = [str(event.body.get("job", "")) for event in project.log.read("rendered")]
        there = (key for key in reversed(keys) if (project.pictures.folder / f"{key}.png").is_file())
        weights = state.weights
        return Overview(
            state.name, len(set(keys)), next(there, None), weights.text(), weights.values, state.subject.lora
        )


def holds_project(folder: Path) -> bool:
    """Whether the folder has a log, which may be of analyses and rounds alone."""
    try:
        return (folder / LOG).is_file()
    except (OSError, ValueError):
        return False


def normal(folder: Path) -> Path:
    """The folder's absolute path without `.` and `..`; links stay as they are."""
    return Path(os.path.normpath(folder.absolute()))


def _file() -> Path:
    return config_folder() / "recent.json"


def _write(projects: Sequence[RecentProject]) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"folder": str(each.folder), "name": each.name, "opened": each.opened} for each in projects]
    write_whole(file, f"{json.dumps(rows, indent=1)}\n".encode())
