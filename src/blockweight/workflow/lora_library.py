"""The LoRA files of the folders that a person has named, and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.demo.embedded import lora_file
from blockweight.errors import BlockweightError, quoted

ENDING = ".safetensors"

MOST_FILES = 5000
"""Of one folder; a page with more is of no use to anyone."""

_EMBEDDED = ("gobuhime", "gobuhime-locon")


@dataclass(frozen=True)
class LoraFile:
    """A LoRA file that may be opened: its path, its name relative to the folder it was found in, its size in bytes, and
    whether it is one that ships with the program."""

    path: Path
    name: str
    size: int
    embedded: bool = False


@dataclass(frozen=True)
class Library:
    """LoRA files in `folders`, and the embedded ones. Only what lies inside is ever opened: a path that leads out, also
    by a symbolic link, is refused."""

    folders: tuple[Path, ...]

    def files(self) -> tuple[LoraFile, ...]:
        """Every LoRA file, by folder and name, the embedded ones last. Folders that cannot be read are left out, and so
        are names that are not text."""
        found: dict[Path, LoraFile] = {}
        for folder in self.folders:
            for file in _below(folder):
                found.setdefault(file.path, file)
        shipped = (LoraFile(path, path.name, path.stat().st_size, embedded=True) for path in map(lora_file, _EMBEDDED))
        return (*found.values(), *shipped)

    def open_path(self, text: str) -> Path:
        """The file of this path. BlockweightError if it is not a LoRA file inside the folders."""
        path = Path(text)
        if path in map(lora_file, _EMBEDDED):
            return path
        if path.suffix.lower() != ENDING:
            raise BlockweightError(f"{quoted(text, 200)} does not end in {ENDING}; choose a LoRA file.")
        if not any(is_inside(path, folder) for folder in self.folders):
            raise BlockweightError(
                f"{quoted(text, 200)} lies in none of the folders with LoRAs; name its folder in the settings."
            )
        if not path.is_file():
            raise BlockweightError(f"There is no file {quoted(text, 200)}; choose another LoRA.")
        return path

    def change_path(self, text: str) -> Path:
        """The file of this path, to be changed. BlockweightError as `open_path`, and for one that ships with the
        program."""
        path = self.open_path(text)
        if not any(is_inside(path, folder) for folder in self.folders):
            raise BlockweightError(
                f"{quoted(path.name, 200)} ships with the program and stays as it is; bake it first."
            )
        return path

    def new_path(self, folder: str, name: str) -> Path:
        """Where a new LoRA file called `name` goes in one of the folders, or in a folder below them. BlockweightError
        for any other place, and a name that is none."""
        trimmed = name.strip()
        if not trimmed or trimmed != Path(trimmed).name or "\\" in trimmed or not trimmed.isprintable():
            raise BlockweightError(f"{quoted(name, 200)} is not a file's name; write one without folders.")
        if not trimmed.lower().endswith(ENDING):
            raise BlockweightError(f"{quoted(name, 200)} does not end in {ENDING}, so no program would list it.")
        place = Path(folder)
        if not any(is_inside(place, allowed) for allowed in self.folders):
            raise BlockweightError(
                f"{quoted(folder, 200)} is none of the folders with LoRAs; name it in the settings, or choose another."
            )
        target = place / trimmed
        if not any(is_inside(target, allowed) for allowed in self.folders):
            raise BlockweightError(
                f"{quoted(trimmed, 200)} is a link that leads out of the folder; choose another name."
            )
        return target


def is_inside(path: Path, folder: Path) -> bool:
    """Whether the path, links followed, lies in the folder or is it."""
    try:
        return path.is_absolute() and path.resolve().is_relative_to(folder.resolve(strict=True))
    except (OSError, ValueError, RuntimeError):  # a NUL in the name, links in a circle, no such folder
        return False


def _below(folder: Path) -> Iterator[LoraFile]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for path in _loras(Path(place), names):
            try:
                relative = path.relative_to(folder).as_posix()
                relative.encode()
                size = path.stat().st_size
            except (OSError, UnicodeEncodeError):
                continue
            if path.is_file() and is_inside(path, folder):
                count += 1
                yield LoraFile(path, relative, size)
            if count >= MOST_FILES:
                return


def _loras(place: Path, names: Sequence[str]) -> Iterator[Path]:
    return (place / name for name in sorted(names) if name.lower().endswith(ENDING) and not name.startswith("."))
