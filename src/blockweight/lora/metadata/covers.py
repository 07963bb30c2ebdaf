"""Cover images: `ssmd_cover_images` holds a JSON list of pictures in plain base64 (Additional Networks).

Forge decodes base64 without a `data:` prefix, ComfyUI serves any format that Pillow reads, and both fail on an empty
text; so a cover is written as the tutorial's size asks, without the texts that a WebUI's picture carries (they hold the
prompt), in the best format that leaves room in the header.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from blockweight.errors import BlockweightError
from blockweight.lora.metadata.fields import COVERS

SIZE = (512, 768)
"""The widest and tallest cover, in pixels: the tutorial's."""

Box = tuple[int, int, int, int]
"""A part of a picture: its left and upper edge, its width and height, in pixels."""

_QUALITIES = (90, 80, 70, 60)
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Cover:
    """A picture as it stands in the metadata: its encoded bytes, format (`PNG`, `JPEG`, `WEBP`, …), and size in
    pixels; `texts` are its text chunks."""

    data: bytes
    format: str
    width: int
    height: int
    texts: Mapping[str, str]

    def text(self) -> str:
        """For a person: `JPEG, 512×768, 84 KB`."""
        size = f"{len(self.data) / 1000:,.0f} KB" if len(self.data) >= 1000 else f"{len(self.data)} bytes"
        return f"{self.format}, {self.width}×{self.height}, {size}"

    def as_png(self) -> bytes:
        """The picture as PNG, without text chunks."""
        return _encoded(_opened(self.data, "The cover"), "PNG")


def make_cover(path: Path, most: int, *, keep_texts: bool = False, crop: Box | None = None) -> Cover:
    """A picture file as a cover: turned as its EXIF says, cut to `crop`, fitted inside SIZE (never enlarged), no text
    chunks.

    PNG where its base64 takes at most half of `most` characters, else JPEG (transparency on white) in the best quality
    that takes at most `most`. With `keep_texts` always PNG, with the texts of the original. BlockweightError for a file
    that is no picture, for one that does not fit, and for a `crop` that leads out of it.
    """
    image = _opened(path, f"The picture '{path}'")
    texts = {str(key): text for key, text in image.info.items() if isinstance(text, str)} if keep_texts else {}
    for encoded in _attempts(_fitted(image, path, crop), texts, most, keep_texts=keep_texts):
        if len(encoded) * 4 / 3 <= most:
            return read_cover(encoded)
    raise BlockweightError(
        f"The picture '{path}' would need more room than the header's {most:,} bytes that are left, even at low "
        "quality; choose a smaller one, remove other metadata, or allow a longer header (--large-header)."
    )


def _attempts(image: Image.Image, texts: Mapping[str, str], most: int, *, keep_texts: bool) -> Iterator[bytes]:
    png = _encoded(image, "PNG", texts)
    if keep_texts or len(png) * 8 / 3 <= most:
        yield png
    if not keep_texts:
        for quality in _QUALITIES:
            yield _encoded(image, "JPEG", quality=quality)


def _fitted(image: Image.Image, path: Path, crop: Box | None) -> Image.Image:
    try:
        profile = image.info.get("icc_profile")
        turned = _cut(ImageOps.exif_transpose(image), path, crop)
        plain = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
        plain.thumbnail(SIZE, Image.Resampling.LANCZOS)
    except _UNREADABLE as error:
        raise BlockweightError(f"The picture '{path}' cannot be read ({_why(error)}); save it anew as PNG.") from None
    plain.info = {"icc_profile": profile} if profile else {}
    return plain


def _cut(image: Image.Image, path: Path, crop: Box | None) -> Image.Image:
    if crop is None:
        return image
    left, top, width, height = crop
    right, bottom = left + width, top + height
    if min(left, top) < 0 or min(width, height) < 1 or right > image.width or bottom > image.height:
        raise BlockweightError(
            f"The part {left},{top},{width},{height} leads out of the picture '{path}', which has "
            f"{image.width}×{image.height} pixels; give left,top,width,height inside it."
        )
    return image.crop((left, top, right, bottom))


def _encoded(image: Image.Image, kind: str, texts: Mapping[str, str] | None = None, quality: int = 90) -> bytes:
    target = io.BytesIO()
    profile = image.info.get("icc_profile")
    if kind == "PNG":
        chunks = PngInfo()
        for key, text in (texts or {}).items():
            chunks.add_itxt(key, text)
        image.save(target, "PNG", optimize=True, pnginfo=chunks, icc_profile=profile)
        return target.getvalue()
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    image.save(target, kind, quality=quality, optimize=True, icc_profile=profile)
    return target.getvalue()


def read_cover(data: bytes) -> Cover:
    """A picture's encoded bytes as a cover; BlockweightError if they are no picture."""
    image = _opened(data, "The cover")
    texts = {str(key): text for key, text in image.info.items() if isinstance(text, str)}
    return Cover(data, image.format or "unknown", *image.size, texts)


def read_covers(metadata: Mapping[str, str]) -> tuple[Cover, ...]:
    """The covers in a file's metadata. BlockweightError for what is not a JSON list of pictures in base64; a `data:`
    prefix, which Additional Networks reads too, is allowed."""
    items = _items(metadata.get(COVERS, "[]"))
    covers = []
    for item in items:
        encoded = item.partition(",")[2] if item.startswith("data:") else item
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise BlockweightError(f"{COVERS} holds something that is not base64; set the cover anew.") from None
        covers.append(read_cover(data))
    return tuple(covers)


def _items(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise BlockweightError(f"{COVERS} is not a JSON list of pictures in base64; set the cover anew.")
    return items


def covers_value(*covers: Cover) -> str:
    """The value of `ssmd_cover_images`; `[]` for none.

    >>> covers_value()
    '[]'
    """
    return json.dumps([base64.b64encode(cover.data).decode() for cover in covers])


def _opened(source: Path | bytes, what: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tags that play no part here
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                image.load()
                return image
    except _UNREADABLE as error:
        raise BlockweightError(f"{what} cannot be read ({_why(error)}); choose a PNG, JPEG or WebP file.") from None


def _why(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture"
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0][:100] if str(error) else "it is broken"
