"""Tensor data: read from a file's data section, as bytes or as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.lora.dtypes import numpy_dtype
from blockweight.lora.header import Header, TensorInfo

_CHUNK = 1 << 20


def read_chunks(path: Path, header: Header, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end` (offsets in the data section; below 0 is the header) in pieces of at most 1 MiB.

    BlockweightError if the file can no longer be read or has become shorter.
    """
    left = end - start
    with _opened(path, header, start) as handle:
        while left:
            chunk = handle.read(min(left, _CHUNK))
            if not chunk:
                raise _shorter(path)
            left -= len(chunk)
            yield chunk


@contextmanager
def _opened(path: Path, header: Header, start: int) -> Iterator[BufferedReader]:
    """The file at this offset in its data section."""
    try:
        with path.open("rb") as handle:
            handle.seek(header.data_start + start)
            yield handle
    except OSError as error:
        raise BlockweightError(f"'{path}' can no longer be read ({error.strerror}); check the disk it is on.") from None


def _shorter(path: Path) -> BlockweightError:
    return BlockweightError(f"'{path}' became shorter while it was being read; start again.")


def read_array(path: Path, header: Header, info: TensorInfo) -> NDArray[np.generic]:
    """One tensor in its own shape and number format.

    BlockweightError for a format without a numpy type, and if the file can no longer be read.
    """
    dtype = numpy_dtype(info.dtype)
    if dtype is None:
        raise BlockweightError(
            f"'{info.name}' in '{path}' is stored as {info.dtype}, with which this program cannot calculate; "
            "save the file in F16, BF16 or F32."
        )
    data = np.empty(info.size, np.uint8)
    with _opened(path, header, info.start) as handle:
        if handle.readinto(data.data) < info.size:
            raise _shorter(path)
    return data.view(dtype).reshape(info.shape)


def data_digest(path: Path, header: Header) -> str:
    """SHA-256 of the data section in 64 hex digits: what WebUIs call `sshs_model_hash`. The header plays no part."""
    digest = hashlib.sha256()
    for chunk in read_chunks(path, header, 0, header.file_size - header.data_start):
        digest.update(chunk)
    return digest.hexdigest()
