"""The header of a safetensors file: read strictly, written canonically.

Format: 8 bytes little-endian length N, N bytes JSON (first byte `{`, padded with spaces), then the data section.
`__metadata__` maps text to text; every other key is a tensor with dtype, shape and byte offsets within the data
section, which the tensors fill without holes or overlaps (github.com/huggingface/safetensors, README).
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from blockweight.errors import BlockweightError
from blockweight.lora.dtypes import fits, numpy_dtype

MAX_HEADER = 100_000_000
"""The longest header in bytes; safetensors' own limit."""

_METADATA = "__metadata__"
_FIELDS = {"dtype", "shape", "data_offsets"}

# Parsed JSON takes up to a hundred times the memory of its text, so what stands outside strings is bounded apart
# from the text: 4 million bytes are over 100,000 tensors (an SDXL LoRA has some 3,000) and at most 400 MB parsed.
_MAX_STRUCTURE = 4_000_000
# Possessive, and with the closing quote optional: linear time, whatever is in the header.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)

# numpy's limits; a tensor beyond them could be listed but not read.
_MAX_DIMENSIONS = 64
_MAX_ELEMENTS = 2**58

_IMPOSTORS = (
    (b"<", "is a web page, not a LoRA; the download needs a login or the link is stale, so download it again."),
    (b"version https://git-lfs", "is only a Git LFS pointer, not the LoRA; fetch the file itself with 'git lfs pull'."),
)


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of the header. `start` and `end` are byte offsets within the data section; `dtype` is the format's
    name in safetensors (`F16`, `BF16`, …)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of data."""
        return self.end - self.start


@dataclass(frozen=True)
class Header:
    """What a file says about itself. `tensors` are in the order of their data.

    `data_start` is the data section's offset in the file; `file_size` (bytes), `mtime_ns` and `inode` are those of the
    moment of reading, by which a later change of the file is noticed. `listed` are the tensors' names in the order in
    which the header itself has them.
    """

    tensors: tuple[TensorInfo, ...]
    metadata: Mapping[str, str]
    data_start: int
    file_size: int
    mtime_ns: int
    inode: int
    listed: tuple[str, ...]

    def in_listed_order(self) -> tuple[TensorInfo, ...]:
        """The tensors in the order of the header itself."""
        known = {info.name: info for info in self.tensors}
        return tuple(known[name] for name in self.listed)


class _MalformedError(ValueError):
    """The reason why a header cannot be read."""


def read_header(path: Path) -> Header:
    """Read and check a file's header; no tensor data is read.

    BlockweightError for a file that cannot be opened, is a pickle, or breaks any rule of the format: duplicate keys,
    metadata that is not text, sizes that disagree, holes, overlaps, missing or surplus data.
    """
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise BlockweightError(f"'{path}' is a folder; name the .safetensors file in it.")
        if not stat.S_ISREG(state.st_mode):
            # Opening a pipe would wait for ever.
            raise BlockweightError(f"'{path}' is not a regular file; name a .safetensors file.")
        with path.open("rb") as handle:
            state = os.fstat(handle.fileno())
            head = handle.read(64)
            length = _header_length(path, head, state.st_size)
            handle.seek(8)
            raw = handle.read(length)
    except FileNotFoundError:
        raise BlockweightError(f"There is no file '{path}'; check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{path}' cannot be opened ({reason}); check the path and its permissions.") from None
    try:
        listed, metadata = _parse(raw, state.st_size - 8 - length)
    except _MalformedError as error:
        _refuse(path, str(error))
    tensors = tuple(sorted(listed, key=_by_place))
    names = tuple(info.name for info in listed)
    return Header(tensors, metadata, 8 + length, state.st_size, state.st_mtime_ns, state.st_ino, names)


def encode_header(tensors: Iterable[TensorInfo], metadata: Mapping[str, str]) -> bytes:
    """The bytes before the data section: length and compact JSON in UTF-8, `__metadata__` first, tensors in the
    order given, padded with spaces so that the data section begins at a multiple of 8.

    BlockweightError for text that UTF-8 cannot hold and for a header over MAX_HEADER.
    """
    fields: dict[str, object] = {_METADATA: dict(metadata)} if metadata else {}
    for info in tensors:
        fields[info.name] = {"dtype": info.dtype, "shape": list(info.shape), "data_offsets": [info.start, info.end]}
    try:
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise BlockweightError("A name or metadata holds half a character (a lone surrogate); retype it.") from None
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise BlockweightError(
            f"The header would take {len(text):,} bytes, but the limit is {MAX_HEADER:,}; shorten the metadata."
        )
    return len(text).to_bytes(8, "little") + text


def placed(tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
    """The tensors moved together: the first begins at 0 and each begins where the one before it ends."""
    result: list[TensorInfo] = []
    end = 0
    for info in tensors:
        result.append(replace(info, start=end, end=end + info.size))
        end += info.size
    return tuple(result)


def new_tensor(name: str, dtype: str, shape: tuple[int, ...], start: int = 0) -> TensorInfo:
    """A tensor to be written in a format that we calculate with (`numpy_dtype`), from `start` on."""
    known = numpy_dtype(dtype)
    if known is None:
        raise ValueError(f"{dtype} has no numpy type")
    return TensorInfo(name, dtype, shape, start, start + math.prod(shape) * known.itemsize)


def in_format(info: TensorInfo, dtype: str) -> TensorInfo:
    """The tensor with its numbers in another format, as `new_tensor`."""
    return new_tensor(info.name, dtype, info.shape, info.start)


def _refuse(path: Path, why: str) -> NoReturn:
    raise BlockweightError(f"'{path}' is not a sound safetensors file: {why}; download or export it again.")


def _header_length(path: Path, head: bytes, file_size: int) -> int:
    length = int.from_bytes(head[:8], "little")
    # Only a file that cannot be safetensors is judged by its first bytes: the length of a sound header may well begin
    # with a pickle's 0x80.
    if len(head) > 8 and length <= min(MAX_HEADER, file_size - 8) and head[8:9] == b"{":
        return length
    if head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise BlockweightError(
            f"'{path}' is a pickle, which can run code when it is opened; convert it to .safetensors in an isolated "
            "environment, or get the .safetensors version from its author."
        )
    for start, what in _IMPOSTORS:
        if head.startswith(start):
            raise BlockweightError(f"'{path}' {what}")
    if file_size == 0:
        _refuse(path, "it is empty")
    if len(head) <= 8:
        _refuse(path, f"it has only {file_size} bytes")
    if length > MAX_HEADER:
        _refuse(path, f"it claims a header of {length:,} bytes, and the limit is {MAX_HEADER:,}")
    if length > file_size - 8:
        _refuse(path, f"it claims a header of {length:,} bytes, but has only {file_size - 8:,} after the length")
    _refuse(path, "its header does not begin with '{'")


def _parse(raw: bytes, data_size: int) -> tuple[tuple[TensorInfo, ...], dict[str, str]]:
    """Tensors in the header's order, and metadata, from the header's JSON. _MalformedError says what is wrong."""
    _check_structure(raw)
    try:
        fields: dict[str, object] = json.loads(
            raw.decode(), object_pairs_hook=_unique, parse_int=_natural, parse_constant=_no_constant
        )
    except _MalformedError:
        raise
    except (ValueError, RecursionError):
        raise _MalformedError("its header is not valid JSON") from None
    metadata = _metadata(fields.pop(_METADATA, None))
    tensors = tuple(_tensor(name, entry) for name, entry in fields.items())
    end = 0
    for info in sorted(tensors, key=_by_place):
        if info.start != end:
            kind = "overlaps the tensor before it" if info.start < end else "leaves a hole before it"
            raise _MalformedError(f"the data of {_quoted(info.name)} {kind}")
        end = info.end
    if end > data_size:
        raise _MalformedError(f"{end - data_size:,} bytes are missing at its end")
    if end < data_size:
        raise _MalformedError(f"{data_size - end:,} bytes at its end belong to no tensor")
    return tensors, metadata


def _by_place(info: TensorInfo) -> tuple[int, int]:
    return info.start, info.end


def _check_structure(raw: bytes) -> None:
    body = raw.rstrip(b" ")
    if len(body) <= _MAX_STRUCTURE:
        return
    structure, last = 0, 0
    for string in _STRING.finditer(body):
        structure += string.start() - last + 1
        last = string.end()
        if structure > _MAX_STRUCTURE:
            break
    if structure + len(body) - last > _MAX_STRUCTURE:
        raise _MalformedError("its header lists more than any LoRA holds")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _MalformedError(f"its header names {_quoted(key)} twice")
        found[key] = value
    return found


def _natural(digits: str) -> int:
    if digits.startswith("-") or len(digits) > 20:
        raise _MalformedError("its header holds a number that is no size or offset")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise _MalformedError(f"its header holds {name}")


def _metadata(value: object) -> dict[str, str]:
    # safetensors reads null as no metadata.
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _MalformedError("its __metadata__ is not an object")
    metadata: dict[str, str] = {}
    for key, text in value.items():
        if not isinstance(text, str):
            raise _MalformedError(f"its metadata {_quoted(key)} is not text")
        metadata[_sound(key)] = _sound(text)
    return metadata


def _tensor(name: str, entry: object) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise _MalformedError(f"the entry of {_quoted(name)} is not dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], _numbers(entry["shape"]), _numbers(entry["data_offsets"])
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise _MalformedError(f"the entry of {_quoted(name)} has values of the wrong type")
    if len(shape) > _MAX_DIMENSIONS or math.prod(max(length, 1) for length in shape) > _MAX_ELEMENTS:
        raise _MalformedError(f"the shape of {_quoted(name)} is too large")
    start, end = offsets
    if start > end or not fits(dtype, math.prod(shape), end - start):
        raise _MalformedError(f"the size of {_quoted(name)} does not fit its shape and the format {_quoted(dtype)}")
    return TensorInfo(_sound(name), dtype, shape, start, end)


def _numbers(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list) or any(type(number) is not int for number in value):
        return None
    return tuple(value)


def _sound(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _MalformedError(f"its header holds half a character (a lone surrogate) in {_quoted(text)}") from None
    return text


def _quoted(text: str) -> str:
    """A name for a message: one line, printable, and not longer than a person wants to read."""
    short = text if len(text) <= 100 else f"{text[:100]}…"
    return ascii(short) if not short.isprintable() else f"'{short}'"
