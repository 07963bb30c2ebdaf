"""Masks as files: made from a picture's colours, by a detector, or from two other masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.lora.atomic import write_atomically
from blockweight.measure import (
    Box,
    Mask,
    Picture,
    combined_mask,
    grown_mask,
    load_detector,
    mask_of_colour,
    mask_of_hues,
    parse_colour,
)
from blockweight.workflow.text_files import check_free


@dataclass(frozen=True, eq=False)
class MadeMask:
    """A mask that was written, and what a detector found for it."""

    path: Path
    mask: Mask
    boxes: tuple[Box, ...] = ()

    @property
    def share(self) -> float:
        """The share of the picture that is inside, 0…1."""
        return float(self.mask.mean())

    def facts(self) -> dict[str, object]:
        """For programs."""
        height, width = self.mask.shape
        found = [
            {"label": box.label, "score": box.score, "box": [box.left, box.top, box.right, box.bottom]}
            for box in self.boxes
        ]
        return {"file": str(self.path), "width": width, "height": height, "share": self.share, "found": found}

    def lines(self) -> list[str]:
        """For people: a line a box, and the file."""
        height, width = self.mask.shape
        found = [
            f"{box.label} {box.score:.0%}, {box.left:.0f},{box.top:.0f} to {box.right:.0f},{box.bottom:.0f}"
            for box in self.boxes
        ]
        return [*found, f"written: {self.path} ({width}×{height} pixels, {100 * self.share:.1f} % inside)"]


@dataclass(frozen=True)
class Finish:
    """What is done to a mask before it is written: its border moved outwards by `grow` pixels, the rest in its place,
    and only what lies in the mask `within`."""

    grow: float = 0
    invert: bool = False
    within: Path | None = None


def mask_from_colours(
    picture: Path,
    target: Path,
    *,
    colours: Sequence[str] = (),
    tolerance: float = 20,
    hues: Sequence[str] = (),
    finish: Finish = Finish(),
    overwrite: bool = False,
) -> MadeMask:
    """Write the mask of the pixels that are near one of `colours` (`#4a8f3c`; `tolerance` in ΔE), or whose hue lies in
    one of `hues` (`80-170`, in degrees). BlockweightError when nothing is asked for, the picture cannot be read, or
    nothing or everything would be inside."""
    if not colours and not hues:
        raise BlockweightError("Say which colour is inside: a colour as in #4a8f3c, or hues as in 80-170.")
    wanted = [parse_colour(text) for text in colours]
    ranges = [parse_hues(text) for text in hues]
    _check_target(target, picture, overwrite=overwrite)
    pixels = read_picture_file(picture)
    masks = [mask_of_colour(pixels, colour, tolerance) for colour in wanted]
    masks += [mask_of_hues(pixels, *ends) for ends in ranges]
    return _written(np.logical_or.reduce(masks), target, finish, overwrite=overwrite)


def mask_from_detector(
    picture: Path,
    target: Path,
    detector: Path,
    *,
    find: str = "",
    confidence: float,
    finish: Finish = Finish(),
    overwrite: bool = False,
) -> MadeMask:
    """Write the mask of what a detector on the disk finds (see `load_detector`). BlockweightError when it finds
    nothing, or everything, and for a detector or picture that cannot be read."""
    _check_target(target, picture, overwrite=overwrite)
    pixels = read_picture_file(picture)
    found = load_detector(detector).detect(pixels, find, confidence)
    if not found.mask.any():
        raise BlockweightError(
            f"The detector found nothing of the kind in '{picture}' with a confidence of {confidence:g} or more; lower "
            "--confidence, or paint the mask."
        )
    return _written(found.mask, target, finish, found.boxes, overwrite=overwrite)


def mask_from_masks(
    one: Path,
    other: Path,
    target: Path,
    how: str,
    *,
    finish: Finish = Finish(),
    overwrite: bool = False,
) -> MadeMask:
    """Write what lies in either (`union`), in both (`intersect`), or in the first but not the second (`difference`).
    BlockweightError for masks of other sizes, and when nothing or everything would be inside."""
    _check_target(target, one, other, overwrite=overwrite)
    mask = combined_mask(read_mask_file(one), read_mask_file(other), how)
    return _written(mask, target, finish, overwrite=overwrite)


def parse_hues(text: str) -> tuple[float, float]:
    """`80-170` → (80, 170), degrees. BlockweightError for anything else."""
    parts = text.split("-")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise BlockweightError(f"The hues {quoted(text)} must be two numbers of degrees, as in 80-170.") from None
    return low, high


def read_picture_file(path: Path | BinaryIO) -> Picture:
    """A picture of any format, (H, W, 3), transparency on white. BlockweightError if it cannot be read."""
    try:
        with Image.open(path) as image:
            whole = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unread("picture", path, error, "check the path, or save it as PNG") from error
    white = Image.new("RGBA", whole.size, "white")
    return np.asarray(Image.alpha_composite(white, whole).convert("RGB"))


def read_mask_file(path: Path | BinaryIO) -> Mask:
    """A mask from a picture of any format, (H, W), True where it is lighter than middle grey. BlockweightError if it
    cannot be read, or covers nothing or everything."""
    try:
        with Image.open(path) as image:
            deep = image.mode.startswith("I")  # 16 bits, which Pillow would clip to 8
            mask: Mask = np.asarray(image) >= 32768 if deep else np.asarray(image.convert("L")) >= 128
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unread("mask", path, error, "give a PNG, white inside") from error
    if mask.all() or not mask.any():
        if not isinstance(path, Path):
            raise BlockweightError("The mask is of one colour; paint white what the LoRA is for, black the rest.")
        raise BlockweightError(f"The mask '{path}' is of one colour; paint white what the LoRA is for, black the rest.")
    return mask


def _check_target(target: Path, *sources: Path, overwrite: bool) -> None:
    """Refuse, before any work, a target that is no PNG's name, one of the files it is made from, or taken."""
    if target.suffix.lower() != ".png":
        raise BlockweightError(f"The mask {quoted(str(target), 300)} must end in .png; add the ending.")
    for source in sources:
        try:
            same = target.samefile(source)
        except (OSError, ValueError):  # one of them is missing or cannot be; reading and writing say so
            same = False
        if same:
            raise BlockweightError(f"'{target}' is what the mask is made from, and stays; choose another name.")
    check_free(target, overwrite=overwrite)


def _unread(what: str, path: Path | BinaryIO, error: Exception, step: str) -> BlockweightError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    if not isinstance(path, Path):
        return BlockweightError(f"The file is no {what} that can be read ({reason}); save it as PNG.")
    return BlockweightError(f"The {what} '{path}' cannot be read ({reason}); {step}.")


def _written(mask: Mask, target: Path, finish: Finish, boxes: tuple[Box, ...] = (), *, overwrite: bool) -> MadeMask:
    mask = grown_mask(mask, finish.grow)
    if finish.invert:
        mask = ~mask
    if finish.within is not None:
        mask = combined_mask(mask, read_mask_file(finish.within), "intersect")
    if mask.all():
        raise BlockweightError("The whole picture would be inside the mask, so it would tell nothing apart; take less.")
    if not mask.any():
        raise BlockweightError("Nothing would be inside the mask, so there would be nothing to measure; take more.")

    def write(handle: BinaryIO) -> None:
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(handle, "PNG")

    def check(temporary: Path) -> None:
        if not np.array_equal(read_mask_file(temporary), mask):
            raise BlockweightError(f"The mask '{target}' does not read back as it was written; check the disk.")

    write_atomically(target, write, check, overwrite=overwrite)
    return MadeMask(target, mask, boxes)
