"""The infotext that a picture carries: PNG's text chunk `parameters`, or EXIF's UserComment in JPEG and WebP.

Sources: `read_info_from_image` of `modules/images.py` in AUTOMATIC1111/stable-diffusion-webui 1.10, which writes
UserComment as UTF-16; Exif 2.32 on UserComment's first eight bytes; `nodes.py` of ComfyUI, whose PNGs carry `prompt`
and `workflow`, and its WebPs the same in EXIF's Model and Make.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from blockweight.errors import BlockweightError

MOST_BYTES = 32 << 20
"""Of a picture."""

MOST_TEXT = 1 << 20
"""Of its infotext, in characters."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_PNG = b"\x89PNG\r\n\x1a\n"
_UTF16, _NO_CODE = b"UNICODE\0", b"\0" * 8


def picture_infotext(data: bytes) -> str:
    """The infotext in a picture's bytes. No pixel is decoded.

    BlockweightError for what is no PNG, JPEG or WebP, or too large, and for a picture that carries no infotext.
    """
    if len(data) > MOST_BYTES:
        raise BlockweightError("The picture is larger than 32 MiB; paste its infotext instead.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tags and sizes that play no part here
            with Image.open(io.BytesIO(_without_pixels(data)), formats=_FORMATS) as image:
                exif = Image.Exif()
                exif.load(image.info.get("exif", b""))
                found = next(filter(None, map(str.strip, _texts(image, exif))), "")
                if not found:
                    _refuse(image, exif)
    except BlockweightError:
        raise
    except UnidentifiedImageError:
        raise BlockweightError(
            "The file is no PNG, JPEG or WebP picture; choose the picture as it was saved."
        ) from None
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The picture is damaged ({type(error).__name__}); get it again, or paste its infotext."
        ) from error
    if len(found) > MOST_TEXT:
        raise BlockweightError(
            "The picture's infotext is longer than a million characters; paste the part that matters."
        )
    return found


def _without_pixels(data: bytes) -> bytes:
    """A PNG without its chunks of pixels, so that Pillow finds the texts that stand behind them too; other data as they
    are."""
    if not data.startswith(_PNG):
        return data
    kept, place = [_PNG], len(_PNG)
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if data[place + 4 : place + 8] != b"IDAT":
            kept.append(data[place:end])
        place = end
    return b"".join(kept)


def _texts(image: Image.Image, exif: Image.Exif) -> Iterator[str]:
    """What may be the infotext, the likeliest first."""
    yield _chunk(image)
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    yield comment if isinstance(comment, str) else _decoded(comment)


def _chunk(image: Image.Image) -> str:
    text = image.info.get("parameters", "")
    if not isinstance(text, str):
        return ""
    if not isinstance(text, PngImagePlugin.iTXt):
        # A tEXt chunk is Latin-1, but some programs put UTF-8 there.
        try:
            return text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            pass
    return str(text)


def _decoded(comment: bytes) -> str:
    """UserComment's text. Eight bytes name the code; UTF-16 comes in either order of bytes, whatever the file's is."""
    if not comment.startswith(_UTF16):
        code, text = comment[:8], comment[8:]
        plain = text if code in (_NO_CODE, b"ASCII\0\0\0") else comment
        return plain.decode("utf-8", "replace").strip("\0")
    text = comment[len(_UTF16) :]
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text.decode("utf-16", "replace")
    # Infotexts are mostly ASCII, of which UTF-16 has the zeros first, or read the wrong way round, last.
    big = text[::2].count(0) >= text[1::2].count(0)
    return text.decode("utf-16-be" if big else "utf-16-le", "replace").strip("\0")


def _refuse(image: Image.Image, exif: Image.Exif) -> None:
    names = (str(exif.get(tag, "")) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    if {"prompt", "workflow"} & set(image.info) or any(name.startswith(("prompt:", "workflow:")) for name in names):
        raise BlockweightError(
            "The picture is from ComfyUI and carries a workflow, which is not read; type its prompt and settings."
        )
    raise BlockweightError(
        "The picture carries no infotext: many sites and chats take it out; choose the file as the WebUI saved it, or "
        "paste the text."
    )
