"""Which model a path stands for, found out without loading it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.plan import Checkpoint


def identify_checkpoint(path: Path) -> Checkpoint:
    """The model at `path` (a diffusers folder or a `.safetensors` checkpoint) with its digest: SHA-256 over every
    weight file's name and content, so a few seconds for a large one. BlockweightError if there are no weights."""
    if path.is_dir():
        files = sorted(path.rglob("*.safetensors"))
        if not (path / "model_index.json").is_file() or not files:
            raise BlockweightError(
                f"The folder '{path}' is not a diffusers model (it needs model_index.json and .safetensors weights); "
                "give a diffusers folder or a .safetensors checkpoint."
            )
    elif not path.exists():
        raise BlockweightError(f"There is no model at '{path}'; give a diffusers folder or a .safetensors checkpoint.")
    elif path.suffix.lower() != ".safetensors":
        raise BlockweightError(
            f"'{path.name}' is not a .safetensors file; pickled checkpoints can run code when opened and are not read. "
            "Convert it to .safetensors first."
        )
    else:
        files = [path]
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256")
        name = str(file.relative_to(path)) if path.is_dir() else ""
        total.update(f"{name}\0{content.hexdigest()}\n".encode())
    return Checkpoint(str(path), total.hexdigest())
