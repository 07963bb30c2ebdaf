"""Where new projects go, each into a folder that is called as it is, and the projects that are there."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.project import LOG
from blockweight.workflow.recent_projects import holds_project, normal
from blockweight.workflow.settings import Settings

MOST_LISTED = 200
"""Folders that are looked at for projects."""

_NOT_IN_NAMES = '<>:"/\\|?*'
"""What no file's name on Windows may hold: https://learn.microsoft.com/windows/win32/fileio/naming-a-file."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.ASCII | re.IGNORECASE)
_MOST_BYTES = 120


def projects_folder(settings: Settings) -> Path:
    """The folder that is set, else `Blockweight` in the person's documents; it need not be there yet."""
    if settings.projects is not None:
        return settings.projects
    from platformdirs import user_documents_path  # noqa: PLC0415 - most commands make no project

    return user_documents_path() / "Blockweight"


def projects_in(folder: Path) -> tuple[Path, ...]:
    """The projects right in a folder, the one that was worked on last first; none where it cannot be read."""
    found = []
    try:
        for number, path in enumerate(folder.iterdir()):
            if number == MOST_LISTED:
                break
            if not path.name.startswith(".") and holds_project(path):
                found.append((-(path / LOG).stat().st_mtime, normal(path)))
    except (OSError, ValueError):
        return ()
    return tuple(path for _, path in sorted(found))


def folder_name(name: str) -> str:
    """A project's name as a folder's, on every system: what none allows becomes `-`, at most 120 bytes.

    >>> folder_name("Goblin: red/green?")
    'Goblin- red-green-'
    """
    letters = (letter if letter.isprintable() and letter not in _NOT_IN_NAMES else "-" for letter in _plain(name))
    made = "".join(letters).strip(" .")
    while len(made.encode()) > _MOST_BYTES:
        made = made[:-1].rstrip(" .")
    return f"{made}-project" if _DEVICE.fullmatch(made) else made or "project"


def new_folder(parent: Path, name: str) -> Path:
    """Make an empty folder for a project of this name, with a number behind it where one is there already; its parent
    too. BlockweightError for what the system refuses."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for folder in _candidates(parent, name):
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except (OSError, ValueError) as error:
        raise _refused(parent, error) from None
    raise _crowded(parent, name)


def free_folder(parent: Path, name: str) -> Path:
    """Where a project of this name can go, as `new_folder`, but the folder is not made; its parent is."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = next((folder for folder in _candidates(parent, name) if not os.path.lexists(folder)), None)
    except (OSError, ValueError) as error:
        raise _refused(parent, error) from None
    if free is None:
        raise _crowded(parent, name)
    return free


def _candidates(parent: Path, name: str) -> Iterator[Path]:
    stem = folder_name(name)
    yield parent / stem
    yield from (parent / f"{stem} {number}" for number in range(2, 10_000))


def _refused(parent: Path, error: OSError | ValueError) -> BlockweightError:
    reason = getattr(error, "strerror", None) or str(error)
    return BlockweightError(
        f"No folder for the project can be made in '{parent}' ({reason}); choose another folder for projects in the "
        "settings."
    )


def _crowded(parent: Path, name: str) -> BlockweightError:
    return BlockweightError(f"'{parent}' holds 10,000 projects called {quoted(name)}; choose another name.")


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())
