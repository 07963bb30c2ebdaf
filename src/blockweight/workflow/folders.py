"""Folders for what a person takes away: one for each analysis and round of a project, so that none is overwritten."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.report import write_whole

SETTINGS = "settings.json"


def result_folder(project: Path, kind: str, settings: Mapping[str, Any], ending: str = "") -> Path:
    """The folder `<kind>-<number><ending>` in the project's that holds the results of these settings, made with its
    `settings.json` if there is none yet. A folder with other settings, or with none, is never taken.

    BlockweightError if the system refuses.
    """
    try:
        for number in range(1, 10_000):
            folder = project / f"{kind}-{number:02}{ending}"
            if folder.is_dir():
                if _settings_in(folder) == settings:
                    return folder
            elif not any(project.glob(f"{kind}-{number:02}*")) and _made_whole(folder, settings):
                return folder
    except OSError as error:
        raise BlockweightError(
            f"No folder for the results can be made in '{project}' ({error.strerror}); choose another with --out."
        ) from error
    raise BlockweightError(f"'{project}' holds 10,000 results of this kind; choose another folder with --out.")


def _made_whole(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Make the folder with its settings in one step; False if another process was faster."""
    text = json.dumps(settings, ensure_ascii=False, indent=2)
    made = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}.tmp")
    made.mkdir(parents=True)
    try:
        # File names may hold bytes that are no text; as escapes they are JSON all the same.
        write_whole(made / SETTINGS, f"{text}\n".encode("utf-8", "backslashreplace"))
        made.rename(folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if folder.is_dir():
            return False
        raise
    return True


def _settings_in(folder: Path) -> object:
    try:
        return json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
