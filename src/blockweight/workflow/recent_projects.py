"""The projects that a person worked on lately, latest first: `recent.json` in the config folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.project import LOG
from blockweight.project.file_lock import hold
from blockweight.report import write_whole
from blockweight.workflow.config_folder import config_folder

MOST = 50
"""How many projects are remembered."""

_PATIENCE = 5.0
"""Seconds to wait for another program that writes the list, which takes it a moment."""


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
    with suppress(BlockweightError, OSError, ValueError), _alone():
        others = [each for each in recent_projects() if each.folder != here]
        _write([RecentProject(here, name, opened), *others][:MOST])


def forget(folder: Path) -> None:
    """Take a project from the list; its folder stays as it is. BlockweightError if the list cannot be written."""
    try:
        with _alone():
            _write([each for each in recent_projects() if each.folder != normal(folder)])
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The list of projects cannot be written ({error}); set BLOCKWEIGHT_CONFIG.") from error


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


@contextmanager
def _alone() -> Iterator[None]:
    """Between reading the list and writing it anew no other program changes it."""
    folder = config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with closing(hold(folder / "recent.lock", _PATIENCE)):
        yield


def _write(projects: Sequence[RecentProject]) -> None:
    file = _file()
    rows = [{"folder": str(each.folder), "name": each.name, "opened": each.opened} for each in projects]
    write_whole(file, f"{json.dumps(rows, indent=1)}\n".encode())
