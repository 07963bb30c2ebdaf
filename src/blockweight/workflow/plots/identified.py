"""Files by what is in them, known for as long as they do not change: a page asks for them at every keystroke."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Checkpoint, Part, Scene
from blockweight.render.parts import kind_of_weights
from blockweight.workflow.identities import Identities
from blockweight.workflow.places import place_of

Known = dict[tuple[str, Path, str], Any]
"""By what a file is, its path, and its stamp."""


class IdentifiedFiles(Identities):
    """`Identities` for one answer of a page: every file's size and time is looked at once, and its content only if
    `known`, which answers share, does not have it."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self._known = known
        self._seen: dict[tuple[str, Path], Any] = {}

    def know(self, scene: Scene) -> None:
        """Nothing: what a project says of its files, they may not be any more."""

    def checkpoint(self, path: Path) -> Checkpoint:
        """The model at this path."""
        found: Checkpoint = self._once("model", path, Identities.checkpoint)
        return found

    def weights(self, path: Path, kind: Literal["VAE", "ControlNet"]) -> Part:
        """The VAE or ControlNet at this path."""
        found: Part = self._once(kind, path, lambda fresh, here: fresh.weights(here, kind))
        return found

    def picture(self, path: Path) -> Part:
        """The picture at this path."""
        found: Part = self._once("picture", path, Identities.picture)
        return found

    def lora(self, path: Path) -> Lora:
        """The LoRA at this path."""
        found: Lora = self._once("LoRA", path, Identities.lora)
        return found

    def is_vae(self, path: Path) -> bool:
        """Whether it is the file of a VAE alone."""
        try:
            return bool(self._once("kind", path, lambda _, here: here.is_file() and kind_of_weights(here) == "VAE"))
        except BlockweightError:
            return False

    def _once(self, kind: str, path: Path, look: Callable[[Identities, Path], Any]) -> Any:
        if (kind, path) not in self._seen:
            key = (kind, path, place_of(path)["stamp"])
            if key not in self._known:
                self._known[key] = look(Identities(), path)
            self._seen[kind, path] = self._known[key]
        return self._seen[kind, path]
