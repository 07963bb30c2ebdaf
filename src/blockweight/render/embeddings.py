"""Textual inversion embeddings in a folder, found by the names that prompts call them by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.plan import Embedding

_OTHER = (".pt", ".bin")
"""What else the WebUI loads from the folder: pickles."""


def find_embeddings(folder: Path, prompts: Iterable[str]) -> tuple[Embedding, ...]:
    """The embeddings below a folder whose names, the files' without `.safetensors`, stand in one of the prompts as
    words, in any case; longest names first.

    BlockweightError for a folder that cannot be read, two files of one name, and a named one that is a pickle: those
    can run code when opened.
    """
    text = "\n".join(prompts).lower()
    found: dict[str, Path] = {}
    for file in _files(folder):
        name = file.stem.lower()
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            continue
        if file.suffix.lower() in _OTHER:
            raise BlockweightError(
                f"The embedding '{file}' is pickled and not read, because opening it can run code; convert it to "
                ".safetensors, or take its name out of the prompt."
            )
        if name in found:
            raise BlockweightError(f"'{found[name]}' and '{file}' are called alike; rename one of the two embeddings.")
        found[name] = file
    return tuple(
        Embedding(found[name].stem, str(found[name]), file_digest(found[name]))
        for name in sorted(found, key=lambda name: (-len(name), name))
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits; BlockweightError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{path}' cannot be read ({reason}); check the path and its permissions.") from error


def _files(folder: Path) -> Iterator[Path]:
    try:
        if not folder.is_dir():
            raise BlockweightError(f"There is no folder '{folder}'; name the folder with the embeddings.")
        files = sorted(folder.rglob("*"))
        for file in files:
            if file.suffix.lower() in (".safetensors", *_OTHER) and file.is_file():
                yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"The folder '{folder}' cannot be read ({reason}); check the path.") from error
