"""Files in the folders that a project has of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically


def keep_file(path: Path, write: Callable[[BinaryIO], None], *, parents: bool = False) -> None:
    """Write a file, whole or not at all, into its folder, which is made if it is missing (with `parents`, those above
    it too). What is there gives way, and a link is not followed. BlockweightError for what the system refuses."""
    try:
        path.parent.mkdir(parents=parents, exist_ok=True)
        if path.is_symlink():  # which would be followed
            path.unlink()
    except OSError as error:
        raise BlockweightError(
            f"The folder '{path.parent}' cannot be made ({error.strerror}); check the project's permissions."
        ) from error
    write_atomically(path, write, lambda _: None, overwrite=True)
