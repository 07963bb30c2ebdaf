"""Whether files are models, and of the LoRA's family, as far as they tell before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import Scene


def check_is_model(path: Path) -> None:
    """BlockweightError for a file that holds something else than a model, such as a LoRA."""
    kind = other_kind(path)
    if kind:
        raise BlockweightError(
            f"'{path.name}' is a {kind}, not a model; give a .safetensors checkpoint or a diffusers folder."
        )


def other_kind(path: Path) -> str:
    """What a `.safetensors` file holds that is recognisably no model, one of `render.parts.NO_MODELS`; empty for a
    model, a folder, and what does not tell. Reads the file's header, once for as long as its size and time stay."""
    try:
        found = path.stat()
        return _other_kind(path, found.st_size, found.st_mtime_ns) if path.is_file() else ""
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=4096)
def _other_kind(path: Path, _size: int, _changed: int) -> str:
    from blockweight.render.parts import NO_MODELS, kind_of_weights  # noqa: PLC0415 - numpy is not needed for --help

    try:
        kind = kind_of_weights(path)
    except BlockweightError:
        return ""  # whoever opens it says what is wrong
    return kind if kind in NO_MODELS else ""


def check_models(lora: str, family: str, scenes: Iterable[Scene]) -> None:
    """BlockweightError for a scene with a model of another family than that of the LoRA, which is called `lora`."""
    from blockweight.render import families_of  # noqa: PLC0415 - numpy is not needed for --help

    for path in dict.fromkeys(scene.checkpoint.path for scene in scenes):
        found = families_of(Path(path))
        if found and family not in found:
            mine, other = family_by_name(family).title, family_by_name(found[0]).title
            raise BlockweightError(
                f"'{lora}' is a LoRA of {mine}, but '{Path(path).name}' is a model of {other}; choose a model of the "
                "LoRA's family."
            )
