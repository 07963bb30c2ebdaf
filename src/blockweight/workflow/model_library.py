"""The models of the folders that a person has named, and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.lora_library import ENDING, is_inside
from blockweight.workflow.model_fit import other_kind

MOST_MODELS = 2000
"""Of one folder."""

INDEX = "model_index.json"
"""The file that makes a folder a diffusers model."""


@dataclass(frozen=True)
class ModelFile:
    """A model that may be opened: a checkpoint's file or a diffusers folder, its name relative to the folder it was
    found in, the size of its weights in bytes, and whether it is the one that ships with the program."""

    path: Path
    name: str
    size: int
    embedded: bool = False


@dataclass(frozen=True)
class ModelLibrary:
    """Models in `folders`, and the embedded one. Only what lies inside is ever opened: a path that leads out, also by a
    symbolic link, is refused."""

    folders: tuple[Path, ...]

    def files(self) -> tuple[ModelFile, ...]:
        """Every model, by folder and name, the embedded one last. Folders that cannot be read are left out, and so are
        names that are not text and files that are recognisably no models, such as LoRAs."""
        found: dict[Path, ModelFile] = {}
        for folder in self.folders:
            for path in models_below(folder):
                if other_kind(path):
                    continue
                try:
                    name = path.relative_to(folder).as_posix()
                    name.encode()
                    found.setdefault(path, ModelFile(path, path.name if name == "." else name, _size(path)))
                except (OSError, UnicodeEncodeError):
                    continue
        own = model_folder()
        return (*found.values(), ModelFile(own, own.name, _size(own), embedded=True))

    def open_path(self, text: str) -> Path:
        """The model of this path. BlockweightError if it is not a model inside the folders."""
        path = Path(text)
        if path == model_folder():
            return path
        if not any(is_inside(path, folder) for folder in self.folders):
            raise BlockweightError(
                f"{quoted(text, 200)} lies in none of the folders with models; name its folder in the settings."
            )
        if path.is_dir() and (path / INDEX).is_file():
            return path
        if path.suffix.lower() != ENDING or not path.is_file():
            raise BlockweightError(
                f"{quoted(text, 200)} is no {ENDING} file and no diffusers folder; choose another model."
            )
        return path


def models_below(folder: Path) -> Iterator[Path]:
    """The diffusers folders and `.safetensors` files of a folder and those below it, in order of their names, links out
    of it left out. What is inside a diffusers folder is a part of it."""
    count = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if INDEX in names:
            folders.clear()
            found = [here]
        else:
            found = [here / name for name in sorted(names) if _is_checkpoint(name)]
        for path in found:
            if is_inside(path, folder) and path.exists():
                yield path
                count += 1
                if count == MOST_MODELS:
                    return


def _is_checkpoint(name: str) -> bool:
    return name.lower().endswith(ENDING) and not name.startswith(".")


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob(f"*{ENDING}"))
