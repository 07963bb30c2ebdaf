"""Files by what is in them, each looked at once, however often it is named: models take seconds to read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from blockweight.lora import Lora, open_lora
from blockweight.plan import Checkpoint, Part, Scene
from blockweight.workflow.checkpoints import identified_checkpoint


class Identities:
    """What paths stand for. BlockweightError from each method for what cannot be read."""

    def __init__(self) -> None:
        self._checkpoints: dict[Path, Checkpoint] = {}
        self._parts: dict[tuple[Path, str], Part] = {}
        self._loras: dict[Path, Lora] = {}

    def know(self, scene: Scene) -> None:
        """Take the scene's own files for what it says that they are, without a look at them."""
        self._checkpoints.setdefault(Path(scene.checkpoint.path), scene.checkpoint)
        parts = [(scene.vae, "VAE"), *((each.model, "ControlNet") for each in scene.controls)]
        pictures = [] if scene.start is None else [scene.start.picture]
        parts += [(each, "picture") for each in (*pictures, *(each.picture for each in scene.controls))]
        for part, kind in parts:
            if part is not None:
                self._parts.setdefault((Path(part.path), kind), part)

    def checkpoint(self, path: Path) -> Checkpoint:
        """The model at this path."""
        if path not in self._checkpoints:
            self._checkpoints[path] = identified_checkpoint(path)
        return self._checkpoints[path]

    def weights(self, path: Path, kind: Literal["VAE", "ControlNet"]) -> Part:
        """The VAE or ControlNet at this path."""
        from blockweight.render import identify_weights  # noqa: PLC0415 - as above

        if (path, kind) not in self._parts:
            self._parts[path, kind] = identify_weights(path, kind)
        return self._parts[path, kind]

    def picture(self, path: Path) -> Part:
        """The picture at this path."""
        from blockweight.render import identify_picture  # noqa: PLC0415 - as above

        if (path, "picture") not in self._parts:
            self._parts[path, "picture"] = identify_picture(path)
        return self._parts[path, "picture"]

    def lora(self, path: Path) -> Lora:
        """The LoRA at this path; its digests are read once, too."""
        if path not in self._loras:
            self._loras[path] = open_lora(path)
        return self._loras[path]
