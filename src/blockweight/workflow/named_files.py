"""LoRAs and models by the names that infotexts give them, in the folders that a person has named."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.lora.hashes import MODEL_HASH, data_hashes
from blockweight.render import identify_checkpoint
from blockweight.render.embeddings import file_digest
from blockweight.render.parts import kind_of_weights
from blockweight.workflow.lora_library import ENDING, Library
from blockweight.workflow.model_library import models_below

_ENDINGS = (ENDING, ".pt", ".ckpt", ".pth")
"""Of files whose name an infotext gives in full."""

_EARLY = 8
"""Digits of the WebUI's first hashes of models."""

MOST_HASHED = 1 << 30
"""Bytes of a LoRA that are still read for a hash."""


def loras_called(name: str, folders: Sequence[Path]) -> list[Path]:
    """The LoRA files of this name, without ending, with or without the folders before it: those that match letter for
    letter first. The embedded ones count where there is no other."""
    listed = Library(tuple(folders)).files()
    own, embedded = ([(file.path, file.name) for file in listed if file.embedded is which] for which in (False, True))
    return _called(name, own) or _called(name, embedded)


def has_hash(lora: Path, short: str) -> bool | None:
    """Whether the LoRA has the hash that an infotext's `Lora hashes` gives, the first digits of `sshs_model_hash`; None
    if that cannot be told, because the file is too large to read for it or cannot be read.

    WebUIs believe the hash that is stamped into the file, and Forge takes the whole file's where there is none, so any
    of them will do (`extensions-builtin/Lora/network.py` in AUTOMATIC1111/stable-diffusion-webui, and in
    lllyasviel/stable-diffusion-webui-forge).
    """
    try:
        header = read_header(lora)
        if header.metadata.get(MODEL_HASH, "").startswith(short):
            return True
        if header.file_size > MOST_HASHED:
            return None
        return data_hashes(lora, header).model_hash.startswith(short) or file_digest(lora).startswith(short)
    except BlockweightError:
        return None


def models_called(name: str, short: str, folders: Sequence[Path]) -> list[Path]:
    """The models of this name: `.safetensors` files and diffusers folders. WebUIs write an underscore for the slash
    after a folder's name. The embedded model is one if its short hash is right too: `model` is many a folder's name."""
    listed = [(path, path.relative_to(folder.parent).as_posix()) for folder in folders for path in models_below(folder)]
    found = _called(name, [(path, whole.partition("/")[2] or whole) for path, whole in listed])
    embedded = model_folder()
    if not found and name == embedded.name and short and identify_checkpoint(embedded).digest.startswith(short):
        return [embedded]
    return found


def model_has_hash(model: Path, short: str) -> bool | None:
    """Whether a model has the hash that an infotext gives: the first digits of the file's SHA-256, or of eight digits
    those of SHA-256 over 64 KiB after the first MiB, as the WebUI wrote them at first; or of our own digest. None for a
    folder, which has no such hash, and what cannot be read.

    Source: `CheckpointInfo` and `model_hash` of `modules/sd_models.py` in AUTOMATIC1111/stable-diffusion-webui 1.10.
    """
    try:
        if identify_checkpoint(model).digest.startswith(short):
            return True
        if model.is_dir():
            return None
        return _window_hash(model).startswith(short) if len(short) == _EARLY else file_digest(model).startswith(short)
    except (OSError, BlockweightError):
        return None


def parts_called(name: str, kind: str, folders: Sequence[Path]) -> list[Path]:
    """The VAEs or ControlNets of this name, which may have an ending: `.safetensors` files that hold one."""
    stem = name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    listed = [(path, path.name) for folder in folders for path in models_below(folder) if path.is_file()]
    return [path for path in _called(stem, listed) if _is(path, kind)]


def part_has_hash(path: Path, kind: str, short: str) -> bool | None:
    """Whether a VAE or ControlNet has the hash that an infotext gives: the first digits of a VAE's SHA-256, or those of
    SHA-256 over 64 KiB after the first MiB of a ControlNet. None if the file cannot be read.

    Sources: `modules/sd_vae.py` and `model_hash` of `modules/sd_models.py` in AUTOMATIC1111/stable-diffusion-webui
    1.10.
    """
    try:
        if kind == "VAE":
            return file_digest(path).startswith(short)
        return _window_hash(path).startswith(short)
    except (OSError, BlockweightError):
        return None


def _window_hash(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(1 << 20)
        return hashlib.sha256(file.read(1 << 16)).hexdigest()


def _is(path: Path, kind: str) -> bool:
    try:
        return kind_of_weights(path) == kind
    except BlockweightError:
        return False


def _called(name: str, listed: Sequence[tuple[Path, str]]) -> list[Path]:
    """Those of the files, each with its name relative to its folder, that are called so."""
    wanted = name.replace("\\", "/")
    exact, alike = dict[Path, None](), dict[Path, None]()
    for path, relative in listed:
        whole = relative[: -len(ENDING)] if relative.lower().endswith(ENDING) else relative
        names = {whole, whole.rpartition("/")[2], whole.replace("/", "_")}
        if wanted in names:
            exact[path] = None
        elif wanted.casefold() in map(str.casefold, names):
            alike[path] = None
    return [*exact, *alike]
