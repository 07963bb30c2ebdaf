"""Changing a file's metadata in place, and back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically
from blockweight.lora.header import Header, encode_header
from blockweight.lora.metadata.check import HEADER_LIMIT
from blockweight.lora.tensors import read_chunks
from blockweight.lora.write import replace_header

MOST_EDITS = 10
"""How many edits of a file can be undone."""

_SCHEMA = 1


@dataclass(frozen=True)
class Edit:
    """One edit that can be undone: when (ISO 8601) and by what it was made, the old header as text, the SHA-256 of the
    new header, and that of the data section that both belong to."""

    at: str
    what: str
    before: str
    after: str
    data: str


def new_head(path: Path, header: Header, metadata: Mapping[str, str], *, large: bool = False) -> bytes:
    """The bytes that will stand before the data: the header with other metadata, its tensors listed in the old order.

    BlockweightError for a header over HEADER_LIMIT, unless `large` or it was longer before; and for text that UTF-8
    cannot hold.
    """
    head = encode_header(header.in_listed_order(), metadata)
    size = len(head) - 8
    if size > HEADER_LIMIT and len(head) > header.data_start and not large:
        raise BlockweightError(
            f"The header of '{path}' would have {size:,} bytes, and ComfyUI shows the metadata of at most "
            f"{HEADER_LIMIT:,}; shorten a value, choose a smaller cover, or allow it by --large-header."
        )
    return head


def rewrite(
    path: Path, header: Header, head: bytes, edit: Edit, *, undo: bool = True, keep_mtime: bool = False
) -> None:
    """Give the file the header `head`, after its old one is kept in the undo file beside it (`undo_path`).

    The data section is streamed unchanged and compared with `edit.data`. BlockweightError, with the file as it was,
    where it may not or cannot be written or has changed since `header` was read.
    """
    if undo:
        kept = read_edits(undo_path(path))
        _write_edits(path, (*kept, edit)[-MOST_EDITS:])
    try:
        replace_header(path, header, head, digest=edit.data, keep_mtime=keep_mtime)
    except BlockweightError:
        if undo:
            with contextlib.suppress(BlockweightError):  # what is too much there does no harm
                _write_edits(path, kept)
        raise


def edit_to(path: Path, header: Header, head: bytes, *, digest: str, at: str, what: str) -> Edit:
    """The record of an edit that is about to be made. `digest` is the data section's SHA-256."""
    return Edit(at, what, raw_header(path, header).decode(), _digest(head[8:]), digest)


def undo_last(path: Path, header: Header, *, digest: str, history: Path | None = None) -> Edit:
    """The latest edit that led to the header that the file has now. BlockweightError if there is none."""
    place = undo_path(path) if history is None else history
    now = _digest(raw_header(path, header))
    edits = read_edits(place)
    found = next((edit for edit in reversed(edits) if (edit.after, edit.data) == (now, digest)), None)
    if found is not None:
        return found
    if not edits:
        raise BlockweightError(f"There is nothing to undo: '{place}' does not exist or is empty.")
    raise BlockweightError(
        f"No edit in '{place}' led to what '{path}' is now, so another program changed it since; set the values anew."
    )


def take_back(path: Path, header: Header, edit: Edit, *, keep_mtime: bool = False) -> None:
    """Give the file the header from before the edit, byte for byte, and forget the edit. BlockweightError as in
    `rewrite`."""
    old = edit.before.encode()
    head = len(old).to_bytes(8, "little") + old
    replace_header(path, header, head, digest=edit.data, keep_mtime=keep_mtime)
    place = undo_path(path)
    edits = read_edits(place)
    if edit in edits:
        _write_edits(path, tuple(each for each in edits if each != edit))


def undo_path(path: Path) -> Path:
    """Where a file's old headers are kept: beside the file itself, `NAME.safetensors.undo.json`."""
    real = path.resolve()
    return real.with_name(f"{real.name}.undo.json")


def raw_header(path: Path, header: Header) -> bytes:
    """The header's JSON as it stands in the file, padding included. BlockweightError if it can no longer be read."""
    return b"".join(read_chunks(path, header, 8 - header.data_start, 0))


def read_edits(place: Path) -> tuple[Edit, ...]:
    """The edits of an undo file, oldest first; none if it does not exist. BlockweightError if it is not one."""
    try:
        data = json.loads(place.read_bytes())
        if data["schema"] != _SCHEMA:
            raise ValueError
        edits = tuple(Edit(**each) for each in data["edits"])
        if not all(isinstance(text, str) for edit in edits for text in asdict(edit).values()):
            raise TypeError
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise BlockweightError(
            f"'{place}' cannot be read as an undo file; move it away, or edit without one (--no-undo)."
        ) from None
    return edits


def _write_edits(path: Path, edits: tuple[Edit, ...]) -> None:
    if not edits:
        with contextlib.suppress(OSError):  # it then says that there is nothing to undo, which is true
            undo_path(path).unlink()
        return
    text = json.dumps({"schema": _SCHEMA, "edits": [asdict(edit) for edit in edits]}, ensure_ascii=False, indent=1)

    def write(handle: BinaryIO) -> None:
        handle.write(text.encode())

    def as_private_as_the_file(temporary: Path) -> None:
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))

    write_atomically(undo_path(path), write, as_private_as_the_file, overwrite=True)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
