"""The finished picture, fetched from the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.render.protocol import Picture
from blockweight.render.remote import Server, ServerError, decode_picture

_FOLDERS = ("temp", "output", "input")


def fetch_picture(server: Server, entry: Mapping[str, Any], output: str) -> Picture:
    """The first picture of the node `output`, (H, W, 3) uint8, by a workflow's entry in the history. The names that it
    holds go back to the server and nowhere else. BlockweightError if there is none, or none that can be read."""
    outputs = entry.get("outputs")
    node = outputs.get(output) if isinstance(outputs, dict) else None
    images = node.get("images") if isinstance(node, dict) else None
    image = images[0] if isinstance(images, list) and images else None
    name = image.get("filename") if isinstance(image, dict) else None
    if not isinstance(image, dict) or not isinstance(name, str) or image.get("type") not in _FOLDERS:
        raise BlockweightError(
            "ComfyUI ended the workflow without a picture; look at its own log where it runs, and start again."
        )
    asked = {"filename": name, "subfolder": str(image.get("subfolder", "")), "type": str(image["type"])}
    try:
        return decode_picture(server.get_bytes("/view", asked))
    except ServerError as error:
        if error.status != 404:
            raise
        raise BlockweightError(
            "ComfyUI made the picture, but does not have it any more; start the same command again."
        ) from None
