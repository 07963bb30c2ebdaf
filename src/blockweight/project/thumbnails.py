"""Small pictures of a project's pictures, made once for each size."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from blockweight.project.keeping import keep_file
from blockweight.project.pictures import checked_key, is_own_file, read_picture

SIZES = (96, 192, 384, 768)
"""The longest side of thumbnails in pixels: few sizes, so that none is made twice for a difference nobody sees."""


class Thumbnails:
    """The thumbnails of a project folder: JPEG files `thumbnails/<size>/<key>.jpg`, which may be deleted at any time.

    JPEG, because it is made several times as fast as WebP, and every build of Pillow has it.
    """

    def __init__(self, folder: Path) -> None:
        self._pictures = folder / "pictures"
        self._folder = folder / "thumbnails"

    def path(self, key: str, size: int) -> Path:
        """The thumbnail of the picture with this job key (32 hex digits), made if it is not there; its longest side is
        the next of SIZES from `size` on, or the picture's own if that is less.

        BlockweightError for what is no key, a picture that is not there or cannot be read, and a folder that cannot be
        written.
        """
        side = next((known for known in SIZES if known >= size), SIZES[-1])
        thumbnail = self._folder / str(side) / f"{checked_key(key)}.jpg"
        if not is_own_file(thumbnail):
            self._make(key, thumbnail, side)
        return thumbnail

    def _make(self, key: str, thumbnail: Path, side: int) -> None:
        small = Image.fromarray(read_picture(self._pictures, key))
        small.thumbnail((side, side), Image.Resampling.LANCZOS)

        def write(handle: BinaryIO) -> None:
            small.save(handle, "JPEG", quality=88)

        keep_file(thumbnail, write, parents=True)
