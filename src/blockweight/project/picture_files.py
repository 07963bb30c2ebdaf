"""Pictures as files that carry what they were made with: PNG, WebP and JPEG, each whole or not at all.

The infotext stands where WebUIs look for it: in PNG's text chunk `parameters`, else in EXIF's UserComment, as UTF-16
with the high byte first. The job's facts, JSON, stand in PNG's text chunk `blockweight`, else in EXIF's
ImageDescription behind the word `blockweight:`, as ComfyUI's nodes keep theirs in Make and Model; WebUIs' "PNG Info"
passes over that field. Sources: `save_image_with_geninfo` and `read_info_from_image` of `modules/images.py` in
AUTOMATIC1111/stable-diffusion-webui 1.10; PNG 1.2, 11.3.4; Exif 2.32, 4.6.4 and 4.6.5.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.lora.hashes import webui_hash
from blockweight.plan import Job
from blockweight.render import Picture, checkpoint_file_hash

FORMATS: Mapping[str, str] = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""A file's ending → its format, as Pillow calls it. WebP is lossless, JPEG cannot be."""

FACTS = "blockweight"
"""The text chunk of the job's facts, and what EXIF's ImageDescription begins with."""

BATCH = f"{FACTS}-batch"
"""The text chunk of the keys of the jobs that were drawn together, if they were several: they decide a picture's last
bits."""

_JPEG_QUALITY = 95

_MOST_EXIF = 65533 - 6
"""Bytes that a JPEG holds: a segment's length has 16 bits, and counts itself and the word `Exif`."""


def picture_format(path: Path) -> str:
    """The format that the file's ending stands for, one of FORMATS; BlockweightError for another ending."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise BlockweightError(
            f"'{path.name}' ends in none of {', '.join(FORMATS)}; the ending says what a picture is saved as."
        )
    return found


def picture_bytes(
    image: Image.Image | Picture,
    kind: str = "PNG",
    infotext: str = "",
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """A picture's file, with what it was made with. Equal input gives equal bytes.

    `image` is Pillow's or (H, W, 3) uint8, `kind` one of FORMATS' values; an empty `infotext` and no `facts` leave
    theirs out; `texts` are further text chunks of a PNG. BlockweightError for more text than a JPEG holds, 64 KiB.
    """
    shown = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer, written = io.BytesIO(), text_options(kind, infotext, facts, texts)
    if kind == "PNG":
        shown.save(buffer, "PNG", **written)
    elif kind == "WEBP":
        shown.save(buffer, "WEBP", lossless=True, **written)
    else:
        shown.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0, **written)
    return buffer.getvalue()


def text_options(
    kind: str,
    infotext: str = "",
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What Pillow's `save` takes to write these texts, as `picture_bytes` has them, into a picture of this kind.
    BlockweightError as there."""
    if kind != "PNG":
        exif = _exif(infotext, facts)
        if kind == "JPEG" and len(exif) > _MOST_EXIF:
            raise BlockweightError(
                "The picture's parameters are longer than a JPEG can hold (64 KiB); save it as PNG or WebP."
            )
        return {"exif": exif}
    info = PngInfo()
    if facts is not None:
        info.add_itxt(FACTS, _json(facts))
    for key, text in {**({"parameters": infotext} if infotext else {}), **(texts or {})}.items():
        _add_text(info, key, text)
    return {"pnginfo": info}


def write_picture(
    path: Path,
    image: Image.Image | Picture,
    infotext: str = "",
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write `picture_bytes` in the format of the file's ending, whole or not at all, and on the disk for good; an
    existing file is replaced. BlockweightError for an ending that is none of FORMATS, OSError if the system refuses."""
    data = picture_bytes(image, picture_format(path), infotext, facts, texts)
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def webui_hashes(job: Job) -> dict[str, str]:
    """The hashes that the WebUI has for the job's LoRAs, by the digest of their use, and for its model, by its digest;
    none for a file that is not there or cannot be read, and a model that is a folder. A file is read once, as long as
    it does not change."""
    uses = [*([] if job.variant.weights is None else [job.lora]), *(each.use for each in job.scene.loras)]
    checkpoint = job.scene.checkpoint
    model = checkpoint_file_hash(checkpoint)
    return {
        **({checkpoint.digest: model} if model else {}),
        **{use.digest: found for use in uses if (found := _webui_hash(use.path))},
    }


def _webui_hash(path: str) -> str:
    file = Path(path)
    try:
        state = file.stat()
        return _hash_of(file, state.st_size, state.st_mtime_ns)
    except (BlockweightError, OSError, ValueError):
        return ""


@lru_cache(maxsize=256)
def _hash_of(file: Path, _size: int, _changed: int) -> str:
    return webui_hash(file, read_header(file))


def _json(facts: Mapping[str, object], *, plain: bool = False) -> str:
    return json.dumps(facts, ensure_ascii=plain)


def _add_text(info: PngInfo, key: str, text: str) -> None:
    """A tEXt chunk for Latin-1, else iTXt. Some programs put UTF-8 into tEXt, and readers look for that."""
    if text.isascii() or (_is_latin(text) and not _is_utf8(text.encode("latin-1"))):
        info.add_text(key, text)
    else:
        info.add_itxt(key, text)


def _is_latin(text: str) -> bool:
    return all(letter <= "\xff" for letter in text)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _exif(infotext: str, facts: Mapping[str, object] | None) -> bytes:
    exif = Image.Exif()
    if facts is not None:
        exif[ExifTags.Base.ImageDescription] = f"{FACTS}:{_json(facts, plain=True)}"
    if infotext:
        comment = b"UNICODE\0" + infotext.encode("utf-16-be", "replace")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()
