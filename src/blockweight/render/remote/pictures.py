"""Pictures that a server sends, which may be anything."""

from __future__ import annotations

import base64
import binascii
import io
import warnings

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.render.protocol import Picture

_FORMATS = ("PNG", "JPEG", "WEBP")
_MOST_PIXELS = 1 << 26
"""Of a picture: 8192 × 8192, the largest that a scene asks for."""


def decode_picture(data: bytes) -> Picture:
    """The picture in `data`, a PNG, JPEG or WebP: (H, W, 3) uint8, without what is see-through. BlockweightError for
    another format, damaged data, and more than 2²⁶ pixels, before they are unpacked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                size = image.width * image.height
                picture = np.array(image.convert("RGB"), dtype=np.uint8) if size <= _MOST_PIXELS else None
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The server sent no picture that can be read ({type(error).__name__}); what it printed where it runs may "
            "say more."
        ) from error
    if picture is None:
        raise BlockweightError("The server sent a picture of more than 8192×8192 pixels, which is not unpacked.")
    return picture


def picture_of_base64(text: str) -> Picture:
    """The picture in base64, with or without `data:image/…;base64,` before it. BlockweightError as `decode_picture`."""
    start = text.find(",") + 1 if text.startswith("data:") else 0
    try:
        data = base64.b64decode(text[start:], validate=True)
    except (binascii.Error, ValueError):
        data = b""
    return decode_picture(data)
