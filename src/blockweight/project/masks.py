"""Masks that a person painted: black and white PNG files in the project folder, named by what is on them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import Mask, mask_digest
from blockweight.project.keeping import keep_file
from blockweight.project.pictures import is_own_file

_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)

_MOST_PIXELS = 16 << 20
"""4096 × 4096: above any picture, below what a few kilobytes of PNG could make a program unpack."""


class MaskStore:
    """The masks of a project folder: `masks/<digest>.png`, 8 bits grey, 255 inside and 0 outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "masks"

    def path(self, digest: str) -> Path:
        """Where the mask of this digest (16 hex digits) is. BlockweightError for what is no digest, and a mask that is
        not there."""
        if not _DIGEST.fullmatch(digest):
            raise BlockweightError(f"{quoted(digest)} is no mask's name; names are 16 hexadecimal digits.")
        path = self._folder / f"{digest}.png"
        if not is_own_file(path):
            raise BlockweightError(f"The mask {digest} is not in the project; paint it again.")
        return path

    def load(self, digest: str) -> Mask:
        """The mask, (H, W) bool, True inside. BlockweightError if it is not there, or another than its name says."""
        path = self.path(digest)
        try:
            mask = read_mask(path.read_bytes())
        except OSError as error:
            raise BlockweightError(f"The mask '{path}' cannot be read ({error.strerror}); paint it again.") from error
        if mask_digest(mask) != digest:
            raise BlockweightError(f"The mask '{path}' was changed by another program; paint it again.")
        return mask

    def save(self, mask: Mask) -> str:
        """Keep a mask, whole or not at all; returns its digest. BlockweightError if it cannot be written."""
        digest = mask_digest(mask)
        path = self._folder / f"{digest}.png"

        def write(handle: BinaryIO) -> None:
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(handle, "PNG")

        keep_file(path, write)
        return digest


def read_mask(data: bytes) -> Mask:
    """A mask from the bytes of a PNG of two colours, black outside and white inside; (H, W) bool.

    BlockweightError if it cannot be read, is larger than 4096 × 4096 pixels, has other colours or transparency, or
    covers nothing or everything.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise BlockweightError(f"The mask has {image.width}×{image.height} pixels, more than any picture has.")
            pixels = np.asarray(image.convert("RGBA"))
    except BlockweightError:
        raise
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(f"The mask cannot be read ({type(error).__name__}); give a whole PNG file.") from error
    red, green, blue, alpha = np.moveaxis(pixels, 2, 0)
    two = np.isin(red, (0, 255)).all() and np.array_equal(red, green) and np.array_equal(red, blue)
    if not two or alpha.min() < 255:
        raise BlockweightError("The mask has other colours than black and white; white is inside, black outside.")
    mask: Mask = red == 255
    if mask.all() or not mask.any():
        raise BlockweightError("The mask is of one colour; paint what the LoRA is for, and leave the rest.")
    return mask
