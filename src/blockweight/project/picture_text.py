"""The infotext that a picture carries: PNG's text chunk `parameters`, or EXIF's UserComment in JPEG and WebP.

Sources: `read_info_from_image` of `modules/images.py` in AUTOMATIC1111/stable-diffusion-webui 1.10, which writes
UserComment as UTF-16; Exif 2.32 on UserComment's first eight bytes; `nodes.py` of ComfyUI, whose PNGs carry `prompt`
and `workflow`, and its WebPs the same in EXIF's Model and Make.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from blockweight.errors import BlockweightError
from blockweight.project.picture_files import BATCH, FACTS

MOST_BYTES = 32 << 20
"""Of a picture."""

MOST_TEXT = 1 << 20
"""Of its infotext, in characters."""

MOST_JSON = 8 << 20
"""Of what it carries besides, in characters."""

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)

_SURE = "Steps: "
"""Stands in every infotext with settings, and read the wrong way round it would be Chinese."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_PNG = b"\x89PNG\r\n\x1a\n"
_UTF16, _NO_CODE = b"UNICODE\0", b"\0" * 8


@dataclass(frozen=True)
class PictureTexts:
    """What a picture carries, each empty if it does not: an infotext, this program's facts of the job (JSON), ComfyUI's
    prompt (what was run) and workflow (the graph as it was drawn), both JSON. `kind` is the file's format, sizes are
    pixels; `batch` are the keys of the jobs that it was drawn together with, itself among them, in their order."""

    kind: str
    width: int
    height: int
    infotext: str = ""
    facts: str = ""
    comfy_prompt: str = ""
    comfy_workflow: str = ""
    batch: tuple[str, ...] = ()


def picture_texts(data: bytes) -> PictureTexts:
    """What a picture's bytes carry. No pixel is decoded.

    BlockweightError for what is no PNG, JPEG or WebP, or damaged, or larger than MOST_BYTES, and for a text longer than
    MOST_TEXT.
    """
    if len(data) > MOST_BYTES:
        raise BlockweightError("The picture is larger than 32 MiB; paste its infotext instead.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tags and sizes that play no part here
            with Image.open(io.BytesIO(_without_pixels(data)), formats=_FORMATS) as image:
                exif = Image.Exif()
                exif.load(image.info.get("exif", b""))
                found = PictureTexts(
                    str(image.format),
                    *image.size,
                    next(filter(None, map(str.strip, _infotexts(image, exif))), ""),
                    _of_ours(image, exif),
                    _of_comfyui(image, exif, "prompt"),
                    _of_comfyui(image, exif, "workflow"),
                    _batch(_chunk(image, BATCH)),
                )
    except UnidentifiedImageError:
        raise BlockweightError(
            "The file is no PNG, JPEG or WebP picture; choose the picture as it was saved."
        ) from None
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The picture is damaged ({type(error).__name__}); get it again, or paste its infotext."
        ) from error
    if len(found.infotext) > MOST_TEXT:
        raise BlockweightError(
            "The picture's infotext is longer than a million characters; paste the part that matters."
        )
    if max(map(len, (found.facts, found.comfy_prompt, found.comfy_workflow))) > MOST_JSON:
        raise BlockweightError("The picture carries more than eight million characters of JSON, which is not read.")
    return found


def picture_infotext(data: bytes) -> str:
    """The infotext in a picture's bytes. BlockweightError as `picture_texts`, and for a picture that carries none."""
    found = picture_texts(data)
    if found.infotext:
        return found.infotext
    if found.comfy_prompt or found.comfy_workflow:
        raise BlockweightError(
            "The picture is from ComfyUI and carries a workflow, which is not read; type its prompt and settings."
        )
    raise BlockweightError(
        "The picture carries no infotext: many sites and chats take it out; choose the file as the WebUI saved it, or "
        "paste the text."
    )


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


def _infotexts(image: Image.Image, exif: Image.Exif) -> Iterator[str]:
    """What may be the infotext, the likeliest first."""
    yield _chunk(image, "parameters")
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    yield comment if isinstance(comment, str) else _decoded(comment)


def _of_ours(image: Image.Image, exif: Image.Exif) -> str:
    found = _chunk(image, FACTS)
    described = str(exif.get(ExifTags.Base.ImageDescription, ""))
    return found or (described.removeprefix(f"{FACTS}:") if described.startswith(f"{FACTS}:") else "")


def _batch(text: str) -> tuple[str, ...]:
    keys = tuple(text.split(" ")) if len(text) <= MOST_TEXT else ()
    return keys if all(map(_KEY.fullmatch, keys)) else ()


def _of_comfyui(image: Image.Image, exif: Image.Exif, name: str) -> str:
    fields = (str(exif.get(tag, "")) for tag in (ExifTags.Base.Model, ExifTags.Base.Make))
    held = (text.removeprefix(f"{name}:") for text in fields if text.startswith(f"{name}:"))
    return _chunk(image, name) or next(held, "")


def _chunk(image: Image.Image, key: str) -> str:
    text = image.info.get(key, "")
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
    big, little = (text.decode(code, "replace").strip("\0") for code in ("utf-16-be", "utf-16-le"))
    for found in (big, little):
        if _SURE in found:
            return found
    # Other texts are mostly ASCII, of which UTF-16 has the zeros first, or read the wrong way round, last.
    return big if text[::2].count(0) >= text[1::2].count(0) else little
