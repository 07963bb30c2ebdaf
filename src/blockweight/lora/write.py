"""Writing LoRA files: by splicing an existing one, whose unchanged bytes are streamed through as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_target, write_atomically
from blockweight.lora.header import Header, TensorInfo, encode_header, in_format, placed, read_header
from blockweight.lora.tensors import data_digest, read_chunks

HASH_PREFIXES: Mapping[str, str] = {"sshs_model_hash": "", "modelspec.hash_sha256": "0x"}
"""Metadata that hold the SHA-256 of the data section, and what they put before its hex digits (Additional Networks;
Stability ModelSpec 1.0.1)."""

_NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class Copy:
    """The source's bytes, unchanged."""


@dataclass(frozen=True)
class Replace:
    """Other bytes for as many numbers, in another format if `dtype` names one. They are made when they are written, so
    that only one tensor is in memory."""

    make: Callable[[], bytes]
    dtype: str | None = None


@dataclass(frozen=True)
class Drop:
    """No such tensor in the new file."""


Instruction = Copy | Replace | Drop


def splice(
    source: Path,
    header: Header,
    target: Path,
    instructions: Mapping[str, Instruction],
    metadata: Mapping[str, str],
    *,
    overwrite: bool,
    check: Callable[[Path], None],
) -> str:
    """Write the source's tensors to `target` in their order, each as instructed (one without an instruction is
    copied), with this metadata; hashes in it (HASH_PREFIXES) are filled in from the new data.

    `header` is the source's as it was read; `check` gets the temporary file, complete and already read back, and
    raises if it is not what it should be. Returns the new data section's SHA-256. BlockweightError where nothing may be
    or was written: see `check_target` and `write_atomically`; also if the source changed since its header was read.
    """
    kept = [
        (info, instructions.get(info.name))
        for info in header.tensors
        if not isinstance(instructions.get(info.name), Drop)
    ]
    written = [in_format(info, made.dtype) if isinstance(made, Replace) and made.dtype else info for info, made in kept]

    def data() -> Iterator[bytes]:
        for (info, instruction), stored in zip(kept, written, strict=True):
            if isinstance(instruction, Replace):
                made = instruction.make()
                if len(made) != stored.size:
                    raise ValueError(f"{len(made)} bytes for {info.name}, which has {stored.size}")
                yield made
            else:
                yield from read_chunks(source, header, info.start, info.end)

    def check_both(temporary: Path) -> None:
        check(temporary)
        _check_unchanged(source, header)

    return write_tensors(target, written, metadata, data, overwrite=overwrite, check=check_both, source=source)


def write_tensors(
    target: Path,
    tensors: Iterable[TensorInfo],
    metadata: Mapping[str, str],
    data: Callable[[], Iterator[bytes]],
    *,
    overwrite: bool,
    check: Callable[[Path], None],
    source: Path | None = None,
) -> str:
    """Write tensors (their offsets are assigned anew, in the order given) and the bytes that `data` yields for them.

    The file is read back and compared with what was to be written before it gets its name. Returns the data section's
    SHA-256. Arguments and errors otherwise as in `splice`.
    """
    tensors = placed(tensors)
    blank = encode_header(tensors, _hashed(metadata, _NO_DIGEST))
    size = len(blank) + (tensors[-1].end if tensors else 0)
    check_target(target, size, overwrite=overwrite, source=source)
    digest = ""

    def write(handle: BinaryIO) -> None:
        nonlocal digest
        running = hashlib.sha256()
        handle.write(blank)
        for chunk in data():
            running.update(chunk)
            handle.write(chunk)
        digest = running.hexdigest()
        # The hash of the data stands before the data; its length is known, so its place could be kept.
        handle.seek(0)
        handle.write(encode_header(tensors, _hashed(metadata, digest)))

    def read_back(temporary: Path) -> None:
        found = read_header(temporary)
        expected = (tensors, _hashed(metadata, digest))
        if (found.tensors, found.metadata) != expected or data_digest(temporary, found) != digest:
            raise BlockweightError(
                f"'{target}' was not stored as it was written, so it was not kept; check the disk and try again."
            )
        check(temporary)

    write_atomically(target, write, read_back, overwrite=overwrite)
    return digest


def _hashed(metadata: Mapping[str, str], digest: str) -> dict[str, str]:
    return {key: HASH_PREFIXES[key] + digest if key in HASH_PREFIXES else text for key, text in metadata.items()}


def _check_unchanged(source: Path, header: Header) -> None:
    try:
        state = source.stat()
        same = (state.st_size, state.st_mtime_ns) == (header.file_size, header.mtime_ns)
    except OSError:
        same = False
    if not same:
        raise BlockweightError(f"'{source}' was changed while it was being read, so nothing was written; start again.")
