"""Writing LoRA files: by splicing an existing one, whose unchanged bytes are streamed through as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_target, write_atomically
from blockweight.lora.hashes import DataHasher, DataHashes, blank_hashes
from blockweight.lora.header import Header, TensorInfo, encode_header, in_format, placed, read_header
from blockweight.lora.tensors import data_digest, read_chunks


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
    copied), with this metadata; hashes in it (`lora.hashes.STAMPS`) are filled in from the new data.

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
        check_unchanged(source, header)

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
    hashes: DataHashes = blank_hashes(tensors, metadata)
    blank = encode_header(tensors, hashes.restamped(metadata))
    size = len(blank) + (tensors[-1].end if tensors else 0)
    check_target(target, size, overwrite=overwrite, source=source)

    def write(handle: BinaryIO) -> None:
        nonlocal hashes
        hasher = DataHasher(tensors, metadata)
        handle.write(blank)
        for chunk in data():
            hasher.update(chunk)
            handle.write(chunk)
        hashes = hasher.result()
        # The hashes of the data stand before the data; their length is known, so their place could be kept.
        handle.seek(0)
        handle.write(encode_header(tensors, hashes.restamped(metadata)))

    def read_back(temporary: Path) -> None:
        found = read_header(temporary)
        same = (found.tensors, found.metadata) == (tensors, hashes.restamped(metadata))
        if not same or data_digest(temporary, found) != hashes.model_hash:
            raise _misstored(target)
        check(temporary)

    write_atomically(target, write, read_back, overwrite=overwrite)
    return hashes.model_hash


def replace_header(path: Path, header: Header, head: bytes, *, digest: str, keep_mtime: bool = False) -> None:
    """Give a file another header in place; its data section is streamed unchanged.

    `head` are the bytes before the data section, length included, for the same tensors; `header` is what was read, and
    `digest` the data section's SHA-256 at that time. What was written is read back and compared before it takes the
    file's name. The time of change is the present one unless `keep_mtime`. BlockweightError, with the old file whole,
    where nothing may be or was written, and if the file changed since it was read.
    """
    check_target(path, len(head) + header.file_size - header.data_start, overwrite=True)

    def write(handle: BinaryIO) -> None:
        handle.write(head)
        for chunk in read_chunks(path, header, 0, header.file_size - header.data_start):
            handle.write(chunk)

    def read_back(temporary: Path) -> None:
        found = read_header(temporary)
        same = found.data_start == len(head) and b"".join(read_chunks(temporary, found, -len(head), 0)) == head
        if not same or found.tensors != header.tensors or data_digest(temporary, found) != digest:
            raise _misstored(path)
        if keep_mtime:
            os.utime(temporary, ns=(path.stat().st_atime_ns, header.mtime_ns))
        check_unchanged(path, header)

    write_atomically(path, write, read_back, overwrite=True)


def _misstored(target: Path) -> BlockweightError:
    return BlockweightError(
        f"'{target}' was not stored as it was written, so it was not kept; check the disk and try again."
    )


def check_unchanged(source: Path, header: Header) -> None:
    """Refuse a source whose size or time of change is not that of its header any more."""
    try:
        state = source.stat()
        found = (state.st_size, state.st_mtime_ns, state.st_ino)
        same = found == (header.file_size, header.mtime_ns, header.inode)
    except OSError:
        same = False
    if not same:
        raise BlockweightError(f"'{source}' was changed while it was being read, so nothing was written; start again.")
