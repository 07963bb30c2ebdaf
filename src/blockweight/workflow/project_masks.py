"""Masks of a tuning project: what the LoRA is for (its face, say), painted by a person."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure import Mask, mask_of_colour, parse_colour
from blockweight.project import MaskStore, TuningState, read_mask, read_picture
from blockweight.workflow.own_files import load_mask
from blockweight.workflow.tuning_project import TuningProject

MOST_BYTES = 4 << 20
"""A mask of two colours of 4096 × 4096 pixels takes less."""


def save_mask(tuning: TuningProject, data: bytes) -> str:
    """Keep a mask for an analysis, from the bytes of a PNG in black (outside) and white (inside); returns its name.

    BlockweightError, with nothing kept, for more than MOST_BYTES, what is no such PNG, and a size that no scene of the
    project has.
    """
    if len(data) > MOST_BYTES:
        raise BlockweightError(f"The mask has {len(data) / 2**20:.1f} MiB, the most is 4; save it in two colours.")
    mask = read_mask(data)
    sizes = _sizes(tuning.state())
    if mask.shape[::-1] not in sizes:
        shown = ", ".join(f"{width}×{height}" for width, height in sorted(sizes))
        raise BlockweightError(
            f"The mask has {mask.shape[1]}×{mask.shape[0]} pixels, the scenes have {shown}; paint it on their pictures."
        )
    return MaskStore(tuning.folder).save(mask)


def keep_mask_file(tuning: TuningProject, path: Path) -> str:
    """Keep a mask from a picture of any format, white where it is lighter than middle grey; returns its name.
    BlockweightError as from `mask_in_file`."""
    return MaskStore(tuning.folder).save(mask_in_file(tuning, path))


def mask_in_file(tuning: TuningProject, path: Path) -> Mask:
    """The mask in a picture of any format, (H, W) bool, not kept. BlockweightError as from `load_mask`, and where the
    scenes differ in size."""
    sizes = _sizes(tuning.state())
    if len(sizes) > 1:
        raise BlockweightError("The scenes differ in size, so no file can be a mask for them; make them alike.")
    return load_mask(path, *sizes.pop())


def colour_mask(tuning: TuningProject, key: str, colour: str, tolerance: float) -> bytes:
    """What is near a colour (`#4a8f3c`; `tolerance` in ΔE) in the picture with this job key, as a PNG in black and
    white; nothing is kept. BlockweightError for what is no colour, tolerance or picture."""
    mask = mask_of_colour(read_picture(tuning.project.pictures.folder, key), parse_colour(colour), tolerance)
    data = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(data, "PNG")
    return data.getvalue()


def mask_path(tuning: TuningProject, name: str) -> Path:
    """The PNG of a kept mask. BlockweightError for what is no mask's name, or not there."""
    return MaskStore(tuning.folder).path(name)


def mask_of(tuning: TuningProject, name: str) -> Mask:
    """A kept mask, (H, W) bool, True inside. BlockweightError for what is no mask's name, not there, or damaged."""
    return MaskStore(tuning.folder).load(name)


def _sizes(state: TuningState) -> set[tuple[int, int]]:
    return {scene.picture_size for scene in state.scenes}
