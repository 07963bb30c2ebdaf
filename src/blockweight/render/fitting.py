"""Pictures that a scene begins with or is led by, in the size that is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from blockweight.errors import BlockweightError
from blockweight.plan import RESIZE_MODES, Part
from blockweight.render.embeddings import file_digest

_STRETCHED, _CUT, _FILLED = RESIZE_MODES
_FEW_COLOURS = 200


def as_rgb(picture: Image.Image) -> Image.Image:
    """A picture in RGB, upright as its file says, what is transparent in white, and greys of 16 bits (depth maps) as
    the nearest of 8."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # Pillow would cut what is above 255
        levels = np.clip(np.asarray(upright, np.float64) / 257, 0, 255)
        return Image.fromarray(np.rint(levels).astype(np.uint8)).convert("RGB")
    if upright.mode not in ("RGB", "L"):
        layered = upright.convert("RGBA")
        white = Image.new("RGBA", layered.size, "#ffffff")
        white.paste(layered, mask=layered)
        upright = white
    return upright.convert("RGB")


def read_part(part: Part) -> Image.Image:
    """The picture of a scene (`as_rgb`). BlockweightError if it cannot be read, or is another
    one than was planned with."""
    if file_digest(Path(part.path)) != part.digest:
        raise BlockweightError(f"'{part.path}' has changed since this was planned; start the same command again.")
    try:
        with Image.open(part.path) as opened:
            return as_rgb(opened)
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"'{part.path}' cannot be read as a picture ({type(error).__name__}); give a PNG, JPEG or WebP."
        ) from error


def fitted(picture: Image.Image, mode: str, width: int, height: int) -> Image.Image:
    """A picture to draw over in another size, by one of RESIZE_MODES, with a Lanczos filter; what is missing is filled
    with the outermost pixels. Source: `resize_image` of `modules/images.py` in AUTOMATIC1111/stable-diffusion-webui
    1.10, without an upscaler."""
    lanczos = Image.Resampling.LANCZOS
    if mode == _STRETCHED:
        return picture.resize((width, height), lanczos)
    ratio, own = width / height, picture.width / picture.height
    to_width = ratio > own if mode == _CUT else ratio < own
    # A strip so thin that it would have no pixel has one; the WebUI stops there.
    across = width if to_width else max(1, picture.width * height // picture.height)
    down = max(1, picture.height * width // picture.width) if to_width else height
    inner = picture.resize((across, down), lanczos)
    left, top = width // 2 - across // 2, height // 2 - down // 2
    whole = Image.new("RGB", (width, height))
    whole.paste(inner, (left, top))
    if mode == _FILLED:
        _fill(whole, inner, left, top)
    return whole


def _fill(whole: Image.Image, inner: Image.Image, left: int, top: int) -> None:
    """Stretch the outermost rows or columns of `inner`, boxes without a height or width, over the bars beside it."""
    across, down = inner.size
    if top > 0:
        whole.paste(inner.resize((across, top), box=(0, 0, across, 0)), (0, 0))
        whole.paste(inner.resize((across, top), box=(0, down, across, down)), (0, top + down))
    elif left > 0:
        whole.paste(inner.resize((left, down), box=(0, 0, 0, down)), (0, 0))
        whole.paste(inner.resize((left, down), box=(across, 0, across, down)), (left + across, 0))


def fitted_map(picture: Image.Image, mode: str, width: int, height: int) -> NDArray[np.uint8]:
    """A ControlNet's map in another size, (height, width, 3): few colours stay as they are, others are averaged when
    the map shrinks, else interpolated; what is missing has the median of the map's border.

    Source: `detectmap_proc` of `scripts/controlnet.py` in Mikubill/sd-webui-controlnet, but for one thing: lines of one
    pixel are not drawn anew.
    """
    if mode == _STRETCHED:
        return _scaled(picture, width, height)
    ways = (height / picture.height, width / picture.width)
    scale = max(ways) if mode == _CUT else min(ways)
    inner = _scaled(picture, max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    top, left = abs(inner.shape[0] - height) // 2, abs(inner.shape[1] - width) // 2
    if mode == _CUT:
        return inner[top : top + height, left : left + width]
    levels = np.asarray(picture)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    whole = np.tile(np.median(border, axis=0).astype(np.uint8), (height, width, 1))
    whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner[:height, :width]
    return whole


def _scaled(picture: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    if picture.size == (width, height):
        return np.asarray(picture)
    colours = picture.getcolors(_FEW_COLOURS - 1)
    levels = np.asarray(picture)
    black_and_white = colours is not None and len(colours) == 2 and levels.min() < 16 and levels.max() > 240
    if colours is not None and len(colours) > 2:
        kind = Image.Resampling.NEAREST
    elif width * height < picture.width * picture.height:
        kind = Image.Resampling.BOX
    else:
        kind = Image.Resampling.BICUBIC
    scaled = np.asarray(picture.resize((width, height), kind))
    if black_and_white:
        # Black and white stay so; the extension's threshold (Otsu's) is near the middle for both.
        scaled = np.where(scaled > 127, np.uint8(255), np.uint8(0))
    return scaled
