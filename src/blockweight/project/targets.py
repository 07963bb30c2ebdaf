"""Pictures that a search should come near: PNG files in the project folder, named by what is on them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure import Picture
from blockweight.project.keeping import keep_file
from blockweight.project.pictures import is_own_file

_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)


class TargetStore:
    """The targets of a project folder: `targets/<digest>.png`, RGB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "targets"

    def path(self, digest: str) -> Path:
        """Where the picture of this digest (16 hex digits) is. BlockweightError if it is not there."""
        path = self._folder / f"{digest}.png"
        if not _DIGEST.fullmatch(digest) or not is_own_file(path):
            raise BlockweightError(f"The target picture '{path}' is not there; give it again with --target.")
        return path

    def load(self, digest: str) -> Picture:
        """The picture of this digest, uint8 (H, W, 3). BlockweightError if it is not there, or another than its name
        says."""
        path = self.path(digest)
        picture = read_target(path)
        if target_digest(picture) != digest:
            raise BlockweightError(f"The target picture '{path}' was changed; give it again with --target.")
        return picture

    def save(self, picture: Picture) -> str:
        """Keep a picture, whole or not at all; returns its digest. BlockweightError if it cannot be written."""
        digest = target_digest(picture)

        def write(handle: BinaryIO) -> None:
            Image.fromarray(picture).save(handle, "PNG")

        keep_file(self._folder / f"{digest}.png", write)
        return digest


def read_target(path: Path) -> Picture:
    """A target's picture, uint8 (H, W, 3). BlockweightError if it cannot be read."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow raises what it likes on a damaged file
        raise BlockweightError(
            f"The target picture '{path}' cannot be read ({type(error).__name__}); give it again with --target."
        ) from error


def target_digest(picture: Picture) -> str:
    """16 hex digits of SHA-256 over a picture's size and pixels."""
    height, width = picture.shape[:2]
    return hashlib.sha256(f"{width}×{height}\n".encode() + picture.tobytes()).hexdigest()[:16]
