"""Whether scenes' models are of the LoRA's family, as far as their files tell before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import Scene


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
