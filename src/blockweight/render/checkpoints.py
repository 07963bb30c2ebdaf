"""Which model a path stands for, found out without loading it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.plan import PIXELS_PER_LATENT, SERVER_MODEL, Checkpoint

_DECISIVE = (".safetensors", ".json", ".txt")
"""The files of a diffusers folder that decide the pictures: weights, settings, and the tokenizer's `merges.txt`."""

_MOST_LEVELS = 10


def identify_checkpoint(path: Path) -> Checkpoint:
    """The model at `path` (a diffusers folder or a `.safetensors` checkpoint) with its digest: SHA-256 over every
    weight and settings file's name and content, so a few seconds for a large one. BlockweightError if there are no
    weights or they cannot be read."""
    try:
        files = _files(path)
        total = hashlib.sha256()
        for name, file in sorted(files.items()):
            total.update(_line(name, _read(file)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"The model '{path}' cannot be read ({reason}); check the path and its permissions."
        ) from error
    return Checkpoint(str(path), total.hexdigest())


def checkpoint_file_hash(checkpoint: Checkpoint) -> str:
    """SHA-256 of a checkpoint that is a single file, 64 hex digits, whose beginning WebUIs and sites know a model by
    (AutoV2); empty for a folder, and a file that is not there any more or is another one now.

    A file that was read already is not read again as long as its size and its time stay.
    """
    path = Path(checkpoint.path)
    try:
        if not path.is_file():
            return ""
        state = path.stat()
        content = _contents.get((str(path), state.st_size, state.st_mtime_ns)) or _read(path)
    except (OSError, ValueError):
        return ""
    return content if hashlib.sha256(_line("", content)).hexdigest() == checkpoint.digest else ""


_contents: dict[tuple[str, int, int], str] = {}
"""SHA-256 of single files by path, size in bytes and time of the last change in nanoseconds."""


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        state = os.fstat(stream.fileno())
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    _contents[str(file), state.st_size, state.st_mtime_ns] = content
    return content


def _line(name: str, content: str) -> bytes:
    """What a file adds to a model's digest."""
    return f"{name}\0{content}\n".encode("utf-8", "surrogateescape")


def check_is_here(path: Path) -> None:
    """BlockweightError for a model that lies on a server only."""
    if str(path).startswith(SERVER_MODEL):
        raise BlockweightError(
            f"'{path}' lies on a server only, and this needs the model itself; render with that server (--renderer), "
            "or use a model on this machine."
        )


def size_step(path: Path) -> int:
    """Of what number of pixels a picture's sides must be multiples, for the model at `path`, as far as that is known
    without loading it: those of a latent, by the settings of a diffusers folder's autoencoder or, where they do not
    tell, Stable Diffusion's.

    Source: every level of an autoencoder but the last halves the sides; a UNet draws latents of any sides, as it does
    in the WebUI. Transformers may want more; that is known when they are loaded.
    """
    try:
        levels = json.loads((path / "vae" / "config.json").read_bytes())["block_out_channels"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return PIXELS_PER_LATENT
    known = isinstance(levels, list) and 0 < len(levels) <= _MOST_LEVELS
    return 2 ** (len(levels) - 1) if known else PIXELS_PER_LATENT


def _files(path: Path) -> dict[str, Path]:
    """What makes up the model, by its name there (`""` for a single file)."""
    if path.is_dir():
        found = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.suffix in _DECISIVE}
        files = {name: file for name, file in found.items() if "/." not in f"/{name}" and not file.is_dir()}
        if "model_index.json" not in files or not any(name.endswith(".safetensors") for name in files):
            raise BlockweightError(
                f"The folder '{path}' is not a diffusers model (it needs model_index.json and .safetensors weights); "
                "give a diffusers folder or a .safetensors checkpoint."
            )
        return files
    check_is_here(path)
    if not path.exists():
        raise BlockweightError(f"There is no model at '{path}'; give a diffusers folder or a .safetensors checkpoint.")
    if path.suffix.lower() != ".safetensors":
        raise BlockweightError(
            f"'{path.name}' is not a .safetensors file; pickled checkpoints can run code when opened and are not read. "
            "Convert it to .safetensors first."
        )
    return {"": path}
