"""Folders for what a person takes away: one for each analysis and round of a project, so that none is overwritten."""

from __future__ import annotations

from pathlib import Path

from blockweight.errors import BlockweightError


def make_folder(folder: Path) -> None:
    """Make the folder and those above it if they are missing; BlockweightError if the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BlockweightError(
            f"The folder '{folder}' cannot be made ({error.strerror}); free the place or choose another with --out."
        ) from error
