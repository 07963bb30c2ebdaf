"""Files beside a LoRA that WebUIs read: `NAME.json` with its activation text, `NAME.preview.png` with its picture.

Source: the user metadata editor of AUTOMATIC1111's and Forge's extra networks. They are written only when asked for,
keys that are not ours stay, and nothing is ever deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically
from blockweight.lora.metadata.block_weights import recommended
from blockweight.lora.metadata.fields import DESCRIPTION, USER

WEIGHTS_KEY = "block weights"
"""Our own key in the sidecar; WebUIs keep keys that they do not know. Their `preferred weight` must stay a number."""


def text_path(lora: Path) -> Path:
    """`NAME.json`."""
    return lora.with_suffix(".json")


def preview_path(lora: Path) -> Path:
    """`NAME.preview.png`."""
    return lora.with_suffix(".preview.png")


def read_sidecar(place: Path) -> dict[str, Any]:
    """What the sidecar says; nothing if there is none. BlockweightError if it cannot be read, so that it is not
    overwritten."""
    try:
        data = json.loads(place.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise BlockweightError(f"'{place}' is not a JSON object that could be added to; mend it or move it away.")
    return data


def with_texts(sidecar: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, Any]:
    """The sidecar with the description, the keywords as `activation text`, and recommended block weights, as far as
    the LoRA's metadata have them. All else stays. BlockweightError for a broken stamp."""
    weights = recommended(metadata)
    texts = {
        "description": metadata.get(DESCRIPTION, ""),
        "activation text": metadata.get(f"{USER}keywords", ""),
        WEIGHTS_KEY: "" if weights is None else weights.text(),
    }
    return {**sidecar, **{key: text for key, text in texts.items() if text}}


def write_beside(place: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a sidecar whole or not at all; BlockweightError where one exists (unless `overwrite`) or it cannot be
    written."""
    if not overwrite and place.exists():
        raise BlockweightError(f"'{place}' exists already; replace it with --overwrite, or move it away.")

    def write(handle: BinaryIO) -> None:
        handle.write(data)

    write_atomically(place, write, lambda _: None, overwrite=overwrite)


def sidecar_bytes(sidecar: Mapping[str, Any]) -> bytes:
    """As the WebUI writes it: UTF-8, four spaces."""
    return json.dumps(sidecar, indent=4, ensure_ascii=False).encode("utf-8", "replace")
