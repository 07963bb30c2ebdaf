"""Pictures that a project's plots draw over or give to ControlNets: in the project folder, so that a page that names
one names no file outside it."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.project import is_own_file, keep_file
from blockweight.render.fitting import as_rgb

FOLDER = "inputs"

_FORMATS = ("PNG", "JPEG", "WEBP")
_MOST_PIXELS = 16 << 20
"""4096 × 4096: above any picture, below what a few kilobytes could make a program unpack."""
_MOST_LETTERS = 60
"""Of a name."""


def input_pictures(project: Path) -> tuple[Path, ...]:
    """The pictures that were added to the project in this folder, by name."""
    try:
        if (project / FOLDER).is_symlink():
            return ()
        return tuple(path for path in sorted((project / FOLDER).glob("*.png")) if is_own_file(path))
    except OSError:
        return ()


def add_picture(project: Path, data: bytes, name: str) -> Path:
    """Keep a picture from the bytes of a PNG, JPEG or WebP of at most 4096 × 4096 pixels, upright and without what else
    its file held, under its `name` and the beginning of its SHA-256; the same picture is kept once. BlockweightError,
    with nothing kept, for what cannot be read or written."""
    picture = _read(data, name)
    shown = io.BytesIO()
    picture.save(shown, "PNG")
    content = shown.getvalue()
    stem = re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem).strip("_")[:_MOST_LETTERS] or "picture"
    path = project / FOLDER / f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}.png"

    def write(handle: BinaryIO) -> None:
        handle.write(content)

    if path.parent.is_symlink():
        raise BlockweightError(
            f"'{path.parent}' is a link to another folder, so nothing is written there; replace it by a folder."
        )
    keep_file(path, write)
    return path


def _read(data: bytes, name: str) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise BlockweightError(
                    f"The picture {quoted(name)} has {image.width}×{image.height} pixels, the most is 4096×4096; make "
                    "it smaller."
                )
            return as_rgb(image)
    except BlockweightError:
        raise
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"{quoted(name)} cannot be read as a picture ({type(error).__name__}); choose a whole PNG, JPEG or WebP."
        ) from error
