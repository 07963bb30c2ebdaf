"""Pictures on disk: PNG files named by job key, each carrying its own parameters."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, infotext_of
from blockweight.project.picture_files import BATCH, webui_hashes, write_picture
from blockweight.render import Picture, Rendering

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)

_ABANDONED = 3600
"""Seconds after which an unfinished file is one that a killed process left."""


class PictureStore:
    """The folder of finished pictures, made if it is missing. A picture is there whole or not at all, whoever else
    writes to the folder; what killed processes left is removed in time. OSError if the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[int, int]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob("*.partial"):
            with suppress(FileNotFoundError):
                if time.time() - partial.stat().st_mtime > _ABANDONED:
                    partial.unlink()

    def path(self, job: Job) -> Path:
        """Where the job's picture is, or will be."""
        return self.folder / f"{job.key}.png"

    def find(self, key: str) -> Path | None:
        """The file of a finished picture; None for what is no job key, not there, or a link to somewhere else."""
        path = self.folder / f"{key}.png"
        return path if _KEY.fullmatch(key) and is_own_file(path) else None

    def load(self, job: Job) -> Picture | None:
        """The job's picture, (H, W, 3) uint8; None if it is not there or cannot be read, so that it is rendered
        again."""
        try:
            return read_picture(self.folder, job.key)
        except BlockweightError:
            return None

    def readable(self, job: Job) -> bool:
        """Whether the job's picture is there and can be read. It is decoded once, and again only when its file has
        changed: a page asks for hundreds of pictures many times."""
        try:
            found = self.path(job).lstat()
        except OSError:
            return False
        known = (found.st_mtime_ns, found.st_size)
        if self._read.get(job.key) != known:
            if self.load(job) is None:
                return False
            self._read[job.key] = known
        return True

    def save(self, rendering: Rendering, decides: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write the picture, with its job's facts and infotext (`write_picture`), and the keys of its batch. `decides`
        is what its renderer decided by itself (`infotext_of`)."""
        job = rendering.job
        texts = {BATCH: " ".join(rendering.batch)} if rendering.batch else {}
        infotext = infotext_of(job, webui_hashes(job), decides)
        write_picture(self.path(job), rendering.picture, infotext, job.facts(), texts)


def read_picture(folder: Path, key: str) -> Picture:
    """The picture with this job key in a folder of pictures, (H, W, 3) uint8. BlockweightError for what is no key (32
    hex digits), and a picture that is not there or cannot be read."""
    path = folder / f"{checked_key(key)}.png"
    try:
        if not is_own_file(path):
            raise FileNotFoundError
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise BlockweightError(f"There is no picture {key} yet; render it first.") from None
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The picture '{path}' cannot be read ({type(error).__name__}); delete it and render it anew."
        ) from error


def is_own_file(path: Path) -> bool:
    """Whether there is a file, and no link to one of another folder: a project that somebody else made could show what
    is none of it."""
    try:
        return path.is_file() and path.resolve(strict=True).parent == path.parent.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return False


def checked_key(key: str) -> str:
    """The key; BlockweightError for what is none."""
    if not _KEY.fullmatch(key):
        raise BlockweightError(f"{quoted(key)} is no picture's key; keys are 32 hexadecimal digits.")
    return key
