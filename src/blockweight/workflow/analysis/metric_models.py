"""What a model that looks at pictures is called: not by its folder alone, which another model may stand in one day."""

from __future__ import annotations

import hashlib
from pathlib import Path


def model_name(folder: Path) -> str:
    """The folder's name and a digest of its configurations (what *.json say) and its weights (names and sizes of
    *.safetensors: gigabytes are not read): `clip-vit-base 5f0c1d2e`. OSError if a file cannot be read."""
    said = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix == ".json":
            said.update(f"{file.name}\0".encode("utf-8", "surrogateescape") + file.read_bytes() + b"\0")
        elif file.suffix == ".safetensors":
            said.update(f"{file.name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
    return f"{folder.resolve().name} {said.hexdigest()[:8]}"
