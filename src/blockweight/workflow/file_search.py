"""The files that a picture was made with, found by digest or hash and name: among those that a person gives, and in the
folders of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora, read_header
from blockweight.lora.hashes import MODEL_HASH
from blockweight.plan import Held, Note, TaggedLora
from blockweight.render import identify_checkpoint, part_digest
from blockweight.render.embeddings import file_digest
from blockweight.workflow.lora_library import ENDING, Library
from blockweight.workflow.model_library import INDEX, models_below
from blockweight.workflow.named_files import has_hash, loras_called, model_has_hash, models_called, parts_called
from blockweight.workflow.settings import Settings

_OPTIONS = {"model": "--model", "other LoRA": "--lora", "LoRA": "--lora"}
"""By which option a file is given; --file for all others."""


@dataclass(frozen=True)
class FileSearch:
    """Where files are looked for: models, LoRAs and others that were given, each a file or a folder with some, and the
    folders of `settings`, with the program's own model and LoRAs."""

    settings: Settings
    models: tuple[Path, ...] = ()
    loras: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()

    def held(self, file: Held, name: str = "", short_hash: str = "") -> Path:
        """The file with this digest. `name` and, of a LoRA, `short_hash` are what an infotext beside it says.
        BlockweightError if it is not there, or what was given is another one."""
        given = list(self._given(file.kind))
        for path in (*given, *self._named(file, name, short_hash)):
            try:
                if _digest(path, file) == file.digest:
                    return path
            except (BlockweightError, OSError):
                continue  # another file of that name, which cannot even be read
        raise _missing("LoRA" if file.kind == "other LoRA" else file.kind, name, file.digest, given, file.kind)

    def lora(self, lora: TaggedLora) -> Path:
        """The LoRA that an infotext's tag names, by the hash beside it if there is one. A file that was given and is
        the only one in question is taken whatever its name. BlockweightError if it is not there, or is another one."""
        given = list(self._given("LoRA"))
        named = [path for path in given if path.stem == lora.name] or (given if len(given) == 1 else [])
        found = named or loras_called(lora.name, self.settings.loras)
        if not lora.short_hash:
            if found:
                return found[0]
            raise _missing("LoRA", lora.name, "", given, "LoRA")
        for path in dict.fromkeys((*found, *given, *self._stamped(lora.short_hash))):
            if has_hash(path, lora.short_hash) is not False:
                return path
        if found:
            raise BlockweightError(
                f"'{found[0]}' is not the LoRA {quoted(lora.name)} of the picture: its hash does not begin with "
                f"{quoted(lora.short_hash)}; give the right one with --lora."
            )
        raise _missing("LoRA", lora.name, lora.short_hash, given, "LoRA")

    def model(self, name: str, short_hash: str, notes: list[Note]) -> Path:
        """The model that an infotext names, by the hash beside it if there is one. One that was given is taken whatever
        its name and hash; a note says if that is another one, or cannot be told. BlockweightError if it is not there,
        or is another one."""
        given = list(self._given("model"))
        found = [path for path in given if path.stem == name] or given
        found = found or models_called(name, short_hash, self.settings.models)
        if not found:
            raise _missing("model", name, short_hash, given, "model")
        if not short_hash:
            return found[0]
        checked = {path: model_has_hash(path, short_hash) for path in found}
        for path, has in checked.items():
            if has:
                return path
        unsure = [path for path, has in checked.items() if has is None]
        if not unsure and not given:
            raise BlockweightError(
                f"'{found[0]}' is not the model {quoted(name)} of the picture: its hash does not begin with "
                f"{quoted(short_hash)}; give the right one with --model."
            )
        why = "has no hash that can be compared with" if unsure else "is another one: its hash does not begin with"
        chosen = (unsure or found)[0]
        notes.append(Note(("Model hash",), f"The model '{chosen.name}' {why} {quoted(short_hash)}."))
        return chosen

    def _given(self, kind: str) -> Iterator[Path]:
        if kind == "model":
            return _expanded(self.models, models_below)
        if kind in ("LoRA", "other LoRA"):
            return _expanded(self.loras, lambda folder: sorted(folder.rglob(f"*{ENDING}")))
        return _expanded(self.files, lambda folder: (path for path in sorted(folder.rglob("*")) if path.is_file()))

    def _named(self, file: Held, name: str, short_hash: str) -> Iterator[Path]:
        if file.kind == "model":
            yield from models_called(name, file.digest, self.settings.models) if name else ()
            yield model_folder()
        elif file.kind == "other LoRA":
            yield from loras_called(name, self.settings.loras) if name else ()
            yield from self._stamped(short_hash)
        elif file.kind in ("VAE", "ControlNet"):
            yield from parts_called(name, file.kind, self.settings.models) if name else ()

    def _stamped(self, short_hash: str) -> Iterator[Path]:
        """LoRAs of another name whose header says that they have the hash."""
        for file in Library(self.settings.loras).files() if short_hash else ():
            try:
                if read_header(file.path).metadata.get(MODEL_HASH, "").startswith(short_hash):
                    yield file.path
            except BlockweightError:
                continue


def _expanded(paths: Iterable[Path], below: Callable[[Path], Iterable[Path]]) -> Iterator[Path]:
    """The files, and those in the folders; a diffusers model is one, and so is a part of one."""
    for path in paths:
        try:
            folder = path.is_dir() and not any((path / name).is_file() for name in (INDEX, "config.json"))
        except (OSError, ValueError):
            folder = False
        if folder:
            yield from below(path)
        else:
            yield path


def _digest(path: Path, file: Held) -> str:
    if file.kind == "other LoRA":
        return open_lora(path).digest
    if file.kind == "model":
        return identify_checkpoint(path).digest
    return file_digest(path) if file.kind == "embedding" else part_digest(path, file.kind)


def _missing(what: str, name: str, digest: str, given: list[Path], kind: str) -> BlockweightError:
    option = _OPTIONS.get(kind, "--file")
    shown = f"{what} {quoted(name)}" if name else what
    told = f" (hash {digest[:16]}…)" if digest else ""
    if given:
        return BlockweightError(
            f"'{given[0]}' is not the {shown}{told} that the picture was made with; give the right one with {option}."
        )
    place = "in none of the folders of the settings" if kind in ("model", "other LoRA", "LoRA") else "not found"
    return BlockweightError(
        f"The {shown}{told} that the picture was made with is {place}; give its path with {option}."
    )
