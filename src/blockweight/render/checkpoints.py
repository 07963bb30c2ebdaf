"""Which model a path stands for, found out without loading it."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.plan import PIXELS_PER_LATENT, Checkpoint

_DECISIVE = (".safetensors", ".json", ".txt")
"""The files of a diffusers folder that decide the pictures: weights, settings, and the tokenizer's `merges.txt`."""

_SD_LEVELS = 4
"""Of the UNet of Stable Diffusion 1 and 2; SDXL's has three."""

_LEVEL = 3
"""Blocks of a level on the way down: two layers, and what halves the sides (or, before the first, `conv_in`)."""

_DOWN_BLOCK = re.compile(r"model\.diffusion_model\.input_blocks\.(\d{1,2})\.", re.ASCII)

_MOST_LEVELS = 10


def identify_checkpoint(path: Path) -> Checkpoint:
    """The model at `path` (a diffusers folder or a `.safetensors` checkpoint) with its digest: SHA-256 over every
    weight and settings file's name and content, so a few seconds for a large one. BlockweightError if there are no
    weights or they cannot be read."""
    try:
        files = _files(path)
        total = hashlib.sha256()
        for name, file in sorted(files.items()):
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256")
            total.update(f"{name}\0{content.hexdigest()}\n".encode("utf-8", "surrogateescape"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"The model '{path}' cannot be read ({reason}); check the path and its permissions."
        ) from error
    return Checkpoint(str(path), total.hexdigest())


def size_step(path: Path) -> int:
    """Of what number of pixels a picture's sides must be multiples, for the model at `path`, as far as that is known
    without loading it: from the settings of a diffusers folder, or the names in a single checkpoint, which is taken for
    Stable Diffusion 1 if they do not tell. At least those of a latent, also for a model that is not there.

    Source: every level of the autoencoder and of the UNet but the last halves the sides.
    """
    with suppress(OSError, ValueError):
        if path.suffix.lower() == ".safetensors" and path.is_file():
            return PIXELS_PER_LATENT * (1 << _levels(path) - 1)
    latent, halves = (_halves(path / part / "config.json") for part in ("vae", "unet"))
    return (latent or PIXELS_PER_LATENT) * (halves or 1)


def _levels(path: Path) -> int:
    """How many levels the UNet of a single checkpoint has."""
    try:
        names = [info.name for info in read_header(path).tensors]
    except BlockweightError:
        return _SD_LEVELS
    blocks = [int(found[1]) for found in map(_DOWN_BLOCK.match, names) if found]
    return max(blocks) // _LEVEL + 1 if blocks else _SD_LEVELS


def _halves(config: Path) -> int | None:
    """By how much the part of a model with these settings makes the sides smaller; None where they do not tell."""
    try:
        levels = json.loads(config.read_bytes())["block_out_channels"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return 2 ** (len(levels) - 1) if isinstance(levels, list) and 0 < len(levels) <= _MOST_LEVELS else None


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
    if not path.exists():
        raise BlockweightError(f"There is no model at '{path}'; give a diffusers folder or a .safetensors checkpoint.")
    if path.suffix.lower() != ".safetensors":
        raise BlockweightError(
            f"'{path.name}' is not a .safetensors file; pickled checkpoints can run code when opened and are not read. "
            "Convert it to .safetensors first."
        )
    return {"": path}
