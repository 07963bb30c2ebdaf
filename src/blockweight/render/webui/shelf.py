"""LoRA files that are lent to a WebUI: placed in a folder that both see, called by their content, and taken away."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import bake
from blockweight.render.embeddings import file_digest
from blockweight.render.remote import Server
from blockweight.render.webui.discovery import API, server_loras
from blockweight.weights import BlockWeights

_START = "blockweight"

_LENT = re.compile(rf"{_START}-[0-9a-f]{{16}}-[0-9a-f]{{8}}")
"""What lent files are called, without their ending."""


def is_lent(name: str) -> bool:
    """Whether a WebUI's LoRA is one that this program or another one lends it, which may take it away at any time."""
    return _LENT.fullmatch(name) is not None


class Shelf:
    """Places files in `folder`, one of the WebUI's LoRA folders as this machine sees it.

    No name is ever used again: Forge keeps files by their names, and would go on with the old one, or a mix of both. A
    file appears whole or not at all, and is read back before it gets its name. `clear` takes away what is there.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        if not folder.is_dir():
            raise BlockweightError(f"There is no folder '{folder}'; name one of the WebUI's LoRA folders with ?loras=.")
        self._folder = folder
        self._server = server
        self._placed: list[Path] = []
        # A program that ends in the middle does not call `clear`.
        weakref.finalize(self, _take_away, self._placed)

    def place(self, lora: Path) -> Path:
        """A copy of a LoRA, whose name without ending a tag calls it by. BlockweightError if it cannot be written, or
        the WebUI does not see it there."""
        return self._place(lora)

    def place_baked(self, lora: Path, weights: BlockWeights) -> Path:
        """A LoRA with these block weights baked in, as `place`. BlockweightError also as `bake`."""
        with tempfile.TemporaryDirectory(prefix=_START) as folder:
            baked = Path(folder) / lora.name
            bake(lora, weights, baked)
            return self._place(baked)

    def remove(self, path: Path) -> None:
        """Take one file away, as far as the system lets go of it."""
        self._placed.remove(path)
        _take_away([path])

    def clear(self) -> None:
        """Take away every file that is there, as far as the system lets go of it."""
        if self._placed:
            for path in list(self._placed):
                self.remove(path)
            with contextlib.suppress(BlockweightError):
                self._refresh()

    def _place(self, source: Path) -> Path:
        digest = file_digest(source)
        target = self._folder / f"{_START}-{digest[:16]}-{secrets.token_hex(4)}.safetensors"
        # No WebUI takes a file with this ending for a LoRA.
        part = target.with_suffix(".part")
        self._placed.append(target)
        try:
            shutil.copyfile(source, part)
            if file_digest(part) != digest:
                raise BlockweightError(f"'{part}' does not read back as it was written; check the disk.")
            part.replace(target)
        except OSError as error:
            raise BlockweightError(
                f"Nothing can be written to the WebUI's LoRA folder '{self._folder}' ({error.strerror}); make room "
                "there, or check its permissions."
            ) from None
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
        self._refresh()
        if target.stem not in {lora.name for lora in server_loras(self._server)}:
            raise BlockweightError(
                f"The WebUI does not see the files in '{self._folder}'; name one of its own LoRA folders, as this "
                "machine sees it, with ?loras=."
            )
        return target

    def _refresh(self) -> None:
        self._server.post_json(f"{API}/refresh-loras", {}, repeatable=True)


def _take_away(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
