"""VAEs, ControlNets and pictures that a path stands for, found out without loading them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.plan import Part
from blockweight.render.embeddings import file_digest

_CONFIG = "config.json"
_ENDING = ".safetensors"


def identify_weights(path: Path, kind: Literal["VAE", "ControlNet"]) -> Part:
    """The VAE or ControlNet at `path`, a `.safetensors` file or a folder of diffusers' with its `config.json`. The
    digest is SHA-256 of the file, or over every such file's name and content. BlockweightError if there are no weights,
    or they cannot be read."""
    try:
        if path.is_dir():
            return Part(str(path), _folder_digest(path, kind))
        there = path.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"The {kind} '{path}' cannot be read ({reason}); check the path and its permissions."
        ) from None
    if not there:
        raise BlockweightError(f"There is no {kind} at '{path}'; give a {_ENDING} file or a folder of diffusers'.")
    if path.suffix.lower() != _ENDING:
        raise BlockweightError(
            f"The {kind} '{path.name}' is not a {_ENDING} file; pickled weights can run code when opened and are not "
            "read. Convert it first."
        )
    return Part(str(path), file_digest(path))


def identify_picture(path: Path) -> Part:
    """The picture at `path`, with SHA-256 of its file. BlockweightError if it cannot be read as one."""
    digest = file_digest(path)
    try:
        with Image.open(path) as image:
            image.verify()
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"'{path}' cannot be read as a picture ({type(error).__name__}); give a PNG, JPEG or WebP."
        ) from error
    return Part(str(path), digest)


def part_digest(path: Path, kind: Literal["VAE", "ControlNet", "picture"]) -> str:
    """The digest alone, as the functions above give it."""
    return file_digest(path) if kind == "picture" else identify_weights(path, kind).digest


def _folder_digest(folder: Path, kind: str) -> str:
    files = sorted(file for file in folder.iterdir() if file.suffix == _ENDING and file.is_file())
    if not files or not (folder / _CONFIG).is_file():
        raise BlockweightError(
            f"The folder '{folder}' holds no {kind} (it needs {_CONFIG} and {_ENDING} weights); give the folder that "
            "holds these files, or a single file."
        )
    total = hashlib.sha256()
    for file in (folder / _CONFIG, *files):
        total.update(f"{file.name}\0{file_digest(file)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("whole model", ("model.diffusion_model.", "cond_stage_model.", "conditioner.")),
    ("ControlNet", ("control_model.", "input_hint_block.", "controlnet_cond_embedding.")),
    ("VAE", ("first_stage_model.decoder.", "decoder.conv_in.", "decoder.mid.", "decoder.mid_block.")),
    ("LoRA", ("lora_", "lycoris_")),
)
"""Beginnings of tensors' names that only such a file has; the first kind that is found counts."""

_OF_LORAS = (".lora_", ".lora.", ".hada_w", ".lokr_w")
"""Within tensors' names of LoRAs that are named after their model's layers."""

_OF_EMBEDDINGS = {"emb_params", "clip_l", "clip_g"}
"""The tensors of an embedding (`render.local.textual_inversion`), which has no others."""

NO_MODELS = ("LoRA", "VAE", "ControlNet", "Textual Inversion")
"""Kinds that cannot draw by themselves."""


def kind_of_weights(path: Path) -> str:
    """What a `.safetensors` file holds, by its tensors' names: `whole model`, one of NO_MODELS, or `file of another
    kind`. BlockweightError if it is no sound safetensors file."""
    names = [info.name for info in read_header(path).tensors]
    for kind, starts in _KINDS:
        if any(name.startswith(starts) for name in names):
            return kind
    if any(part in name for name in names for part in _OF_LORAS):
        return "LoRA"
    if names and _OF_EMBEDDINGS.issuperset(names):
        return "Textual Inversion"
    return "file of another kind"
