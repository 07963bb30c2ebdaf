"""Files of VAEs and ControlNets: their weights, and whether they fit the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.render.parts import kind_of_weights

_CLASSES = {"VAE": "AutoencoderKL", "ControlNet": "ControlNetModel"}


def check_kind(path: Path, kind: str) -> None:
    """Refuse a file of another kind."""
    found = kind_of_weights(path)
    if found != kind:
        raise BlockweightError(f"'{path}' is a {found}, not a {kind}; give a {kind} in its original names.")


def config_in(path: Path, kind: str) -> Mapping[str, Any]:
    """The `config.json` of a folder of diffusers', nothing for a file. BlockweightError for a folder of another kind of
    model."""
    if not path.is_dir():
        return {}
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        made_for = config.get("_class_name")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise BlockweightError(f"The config.json of '{path}' cannot be read; get the {kind} again.") from error
    if made_for != _CLASSES[kind]:
        raise BlockweightError(f"'{path}' is a folder for {made_for}, not for a {kind} ({_CLASSES[kind]}).")
    return dict(config)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, or of a folder's files. BlockweightError if they cannot be read."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    found: dict[str, Tensor] = {}
    for file in _whole(files):
        read_header(file)
        try:
            found |= load_file(file)
        except (OSError, ValueError, SafetensorError) as error:
            raise BlockweightError(f"'{file}' cannot be read ({error}); get the file again.") from error
    return found


def _whole(files: list[Path]) -> list[Path]:
    """Without copies in half precision, where a folder holds both."""
    full = [file for file in files if ".fp16." not in file.name]
    return full or files


def same_shapes(found: Mapping[str, Tensor], model: nn.Module, path: Path, kind: str) -> dict[str, Tensor]:
    """The weights that a model takes. BlockweightError if some are missing, or of another shape: the file was made for
    another model."""
    wanted = model.state_dict()
    missing = [name for name in wanted if found.get(name) is None]
    if missing:
        raise BlockweightError(
            f"The {kind} '{path}' lacks {len(missing)} weights of this model's, such as '{missing[0]}'; it is "
            "incomplete, or for another kind of model."
        )
    state = {}
    for name, like in wanted.items():
        value = found[name]
        # An attention of a VAE is stored as 1×1 convolutions in some files.
        value = value.flatten(1) if value.dim() > like.dim() and value.shape[2:].numel() == 1 else value
        if value.shape != like.shape:
            made, here = ("×".join(map(str, shape)) for shape in (value.shape, like.shape))
            raise BlockweightError(
                f"The {kind} '{path}' is for another kind of model: its '{name}' is {made}, here it is {here}."
            )
        state[name] = value
    return state
