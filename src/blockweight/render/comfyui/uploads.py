"""Files that a workflow needs on the server and this machine has: named by what is in them, never used twice for
anything else, because ComfyUI keeps what it once read under a name."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from blockweight.lora import Lora, Piece, open_lora, piece_bytes, pieces_of
from blockweight.plan import LoraUse, Part
from blockweight.render.fitting import fitted, fitted_map, read_part

MOST_BYTES = 90_000_000
"""Of a LoRA's piece: a server takes 100 MB at once by default (`--max-upload-size`), the form around it included."""

_START = "blockweight"
_KEPT = 8
"""Fitted pictures that are kept, because all jobs of a scene share them."""


@dataclass(frozen=True)
class Upload:
    """A file for the server: its `name` there, the `folder` that the server puts it into, how its bytes are made."""

    name: str
    folder: Literal["loras", "input"]
    make: Callable[[], bytes] = field(compare=False)


@dataclass(frozen=True)
class LoraPiece:
    """A piece of a LoRA and the file that brings it."""

    piece: Piece
    upload: Upload


class LoraShelf:
    """The pieces of LoRAs by the digest of what they do; a LoRA's file is read once."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._opened: dict[str, tuple[Lora, tuple[LoraPiece, ...]]] = {}
        self._turning: dict[str, frozenset[str]] = {}

    def take(self, use: LoraUse) -> tuple[Lora, tuple[LoraPiece, ...]]:
        """The LoRA and its pieces. BlockweightError if it cannot be read."""
        known = self._opened.get(use.digest)
        if known is None:
            lora = open_lora(Path(use.path))
            known = (lora, tuple(_piece(lora, piece) for piece in pieces_of(lora, self._most)))
            self._opened[lora.digest] = known
        return known

    def turning(self, use: LoraUse) -> frozenset[str]:
        """The LoRA's blocks with modules that turn a weight (OFT, BOFT) instead of adding to it."""
        if use.digest not in self._turning:
            lora, _ = self.take(use)
            turning = (module for module in lora.modules if lora.algorithm(module) == "oft")
            self._turning[use.digest] = frozenset(map(lora.block_of, turning))
        return self._turning[use.digest]


def _piece(lora: Lora, piece: Piece) -> LoraPiece:
    block = re.sub(r"[^A-Za-z0-9]", "", piece.block)[:20]
    name = f"{_START}-{piece.digest[:24]}-{block}.safetensors"
    return LoraPiece(piece, Upload(name, "loras", lambda: piece_bytes(lora, piece)))


@lru_cache(maxsize=_KEPT)
def picture_upload(part: Part, mode: str, width: int, height: int) -> Upload:
    """The picture that a scene is drawn over, fitted to a size. BlockweightError if it cannot be read."""
    picture = read_part(part)
    return _picture(picture if picture.size == (width, height) else fitted(picture, mode, width, height))


@lru_cache(maxsize=_KEPT)
def map_upload(part: Part, mode: str, width: int, height: int) -> Upload:
    """A ControlNet's map, fitted to a size. BlockweightError if it cannot be read."""
    return _picture(Image.fromarray(fitted_map(read_part(part), mode, width, height)))


def _picture(picture: Image.Image) -> Upload:
    levels = np.asarray(picture)
    digest = hashlib.sha256(repr(levels.shape).encode() + levels.tobytes()).hexdigest()

    def make() -> bytes:
        data = io.BytesIO()
        picture.save(data, "PNG")
        return data.getvalue()

    return Upload(f"{_START}-{digest[:24]}.png", "input", make)
