"""What is wrong with a file's metadata: stamps that are not what the bytes say, and values that programs fail on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.lora.hashes import LEGACY_HASH, STAMPS, DataHashes
from blockweight.lora.metadata.block_weights import ROLES, key_of, read_stamp
from blockweight.lora.metadata.covers import read_covers
from blockweight.lora.metadata.fields import COVERS, FIELDS, MODELSPEC, MODELSPEC_FIELDS, fault_of

HEADER_LIMIT = 1 << 20
"""The longest header in bytes that all programs read: ComfyUI's view of metadata refuses longer ones."""

_MUST = tuple(field.key for field in MODELSPEC_FIELDS[:4])


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the key it concerns, a sentence, and, for a hash, what the file's bytes say."""

    key: str
    what: str
    right: str | None = None


def check_metadata(metadata: Mapping[str, str], hashes: DataHashes, header_size: int) -> tuple[Problem, ...]:
    """Everything that is wrong with a file's metadata. `hashes` are computed from its data; `header_size` is the length
    of its header's JSON in bytes."""
    return (*_stamps(metadata, hashes), *_values(metadata), *_weights(metadata), *_size(header_size))


def _stamps(metadata: Mapping[str, str], hashes: DataHashes) -> Iterator[Problem]:
    right = hashes.stamps()
    for key in STAMPS:
        stamped = metadata.get(key)
        if stamped is None or stamped == right.get(key):
            continue
        if key not in right:
            yield Problem(key, "this hash is not defined for this file, so the stamp means nothing")
        elif key == LEGACY_HASH or re.fullmatch(r"(0x)?[0-9a-f]{64}", stamped) is None:
            yield Problem(key, f"the stamp {_short(stamped)} is not the file's {_short(right[key])}", right[key])
        elif stamped.removeprefix("0x") == right[key].removeprefix("0x"):
            yield Problem(key, "the hash is right but not written as programs compare it", right[key])
        elif stamped.startswith("0x") and not right[key].startswith("0x"):
            yield Problem(
                key, "the stamp is a hash by another recipe (LyCORIS'), which matches no list of models", right[key]
            )
        else:
            yield Problem(
                key,
                f"the stamp {_short(stamped)} is not the file's {_short(right[key])}: the tensors or their order "
                "changed after it was made",
                right[key],
            )


def _values(metadata: Mapping[str, str]) -> Iterator[Problem]:
    for key, text in metadata.items():
        if key == COVERS:
            yield from _covers(metadata)
        elif key in FIELDS and key not in STAMPS and (fault := fault_of(key, text)):
            yield Problem(key, f"{_short(text)}: {fault}")
    if any(key.startswith(MODELSPEC) and key not in STAMPS for key in metadata):
        for key in _MUST:
            if not metadata.get(key, "").strip():
                yield Problem(key, "ModelSpec requires it beside the other modelspec fields")


def _covers(metadata: Mapping[str, str]) -> Iterator[Problem]:
    if not metadata[COVERS].strip():
        yield Problem(COVERS, "it is an empty text, on which WebUIs fail when they list their models; no cover is []")
        return
    try:
        read_covers(metadata)
    except BlockweightError as error:
        yield Problem(COVERS, str(error))
    if '"data:' in metadata[COVERS]:
        yield Problem(COVERS, "a picture has a data: prefix, which Forge cannot read; set the cover anew")


def _weights(metadata: Mapping[str, str]) -> Iterator[Problem]:
    for role in ROLES:
        key = key_of(role)
        if key in metadata:
            try:
                found = read_stamp(role, metadata[key])
            except BlockweightError as error:
                yield Problem(key, str(error))
            else:
                if found.stale:
                    yield Problem(key, "these weights were recommended for tensors that have been changed since")


def _size(header_size: int) -> Iterator[Problem]:
    if header_size > HEADER_LIMIT:
        yield Problem(
            "", f"the header has {header_size:,} bytes; ComfyUI shows the metadata of at most {HEADER_LIMIT:,}"
        )


def _short(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:40])
    return f"'{shown[:16]}…'" if len(text) > 17 else f"'{shown}'"
