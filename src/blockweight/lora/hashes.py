"""The six hashes by which WebUIs and sites know a LoRA.

- `sshs_model_hash`: SHA-256 of the data section, 64 hex digits. The header plays no part, the order of tensors does.
- `sshs_legacy_hash`: the first 8 hex digits of the SHA-256 of 64 KiB at offset 1 MiB, of the file as Additional
  Networks would have got it from training: rewritten by the safetensors package with only the metadata that begin with
  `ss_`. A file that has no other metadata is taken as it is. One that ends before 1 MiB has `e3b0c442`, the hash of
  nothing.
- `modelspec.hash_sha256`: `0x` and the first (Stability ModelSpec 1.0.1).
- SHA-256 of the whole file, AutoV2 (its first 10 digits) and AutoV3 (the first 12 of `sshs_model_hash`): Civitai's.

Sources: `scripts/metadata_editor.py` and `model_util.py` of kohya-ss/sd-webui-additional-networks; tensor order and
header of the writer of safetensors 0.8.0.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.lora.dtypes import is_known, rank
from blockweight.lora.header import Header, TensorInfo, placed
from blockweight.lora.tensors import data_digest, read_chunks

MODEL_HASH = "sshs_model_hash"
LEGACY_HASH = "sshs_legacy_hash"
MODELSPEC_HASH = "modelspec.hash_sha256"
STAMPS = (MODEL_HASH, LEGACY_HASH, MODELSPEC_HASH)
"""The metadata keys that hold a hash of the file they stand in."""

TRAINING = "ss_"
"""What the metadata keys of training begin with."""

_SHORT = 12
_STAMP = re.compile(r"(?:0x)?[0-9a-f]{12,64}")
"""Those of LyCORIS begin with 0x."""

_WINDOW = range(0x100000, 0x110000)


@dataclass(frozen=True)
class DataHashes:
    """The hashes that a change of the header leaves as they are, and can therefore be stamped into it.

    `legacy_hash` is None where it is not defined: with `ss_` metadata beyond 1 MiB Additional Networks' own answer
    changes from call to call, and a number format that safetensors does not know has no place in its order.
    """

    model_hash: str
    legacy_hash: str | None

    def stamps(self) -> dict[str, str]:
        """The three metadata values (two where there is no legacy hash), by key."""
        legacy = {} if self.legacy_hash is None else {LEGACY_HASH: self.legacy_hash}
        return {MODEL_HASH: self.model_hash, **legacy, MODELSPEC_HASH: f"0x{self.model_hash}"}

    def restamped(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """The metadata with the stamps that stand in it set right, in their places, and without one that has no
        value."""
        stamps = self.stamps()
        kept = {key: text for key, text in metadata.items() if key not in STAMPS or key in stamps}
        return {key: stamps.get(key, text) for key, text in kept.items()}


@dataclass(frozen=True)
class Hashes:
    """All hashes of a file."""

    data: DataHashes
    sha256: str

    def facts(self) -> dict[str, str | None]:
        """As plain values, for JSON: `sshs_model_hash`, `sshs_legacy_hash` (None where not defined),
        `modelspec.hash_sha256`, `sha256`, `autov2`, `autov3`."""
        stamps = self.data.stamps()
        return {
            **{key: stamps.get(key) for key in STAMPS},
            "sha256": self.sha256,
            "autov2": self.sha256[:10],
            "autov3": self.data.model_hash[:12],
        }


class DataHasher:
    """Hashes a data section as it streams by: feed it with `update`, in order, then ask for `result`.

    `tensors` are those of the data section, with their offsets. Of the metadata only the `ss_` values count, so the
    stamps may still be missing; the legacy hash is that of a file with stamps.
    """

    def __init__(self, tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> None:
        self._digest = hashlib.sha256()
        pieces = _rebuilt_window(tensors, metadata)
        self._window = None if pieces is None else _Window(pieces)

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the data section."""
        self._digest.update(chunk)
        if self._window is not None:
            self._window.update(chunk)

    def result(self) -> DataHashes:
        """The hashes of all that was fed."""
        return DataHashes(self._digest.hexdigest(), None if self._window is None else self._window.digest())


def blank_hashes(tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> DataHashes:
    """Zeros in the lengths that the hashes of these tensors will have, to keep their places in a header."""
    return DataHashes("0" * 64, None if _rebuilt_window(tensors, metadata) is None else "0" * 8)


def data_hashes(path: Path, header: Header, metadata: Mapping[str, str] | None = None) -> DataHashes:
    """The hashes to stamp into the file with its own metadata, or with those that it is about to get; reads its data
    once. BlockweightError if it can no longer be read."""
    hasher = DataHasher(header.tensors, header.metadata if metadata is None else metadata)
    for chunk in read_chunks(path, header, 0, header.file_size - header.data_start):
        hasher.update(chunk)
    return hasher.result()


def file_hashes(path: Path, header: Header) -> Hashes:
    """All six hashes of the file as it is, reading it once. BlockweightError if it can no longer be read."""
    whole, data = hashlib.sha256(), DataHasher(header.tensors, header.metadata)
    raw = _Window([(_WINDOW.start, _WINDOW.stop)])
    for chunk in read_chunks(path, header, -header.data_start, 0):
        whole.update(chunk)
        raw.update(chunk)
    for chunk in read_chunks(path, header, 0, header.file_size - header.data_start):
        whole.update(chunk)
        raw.update(chunk)
        data.update(chunk)
    found = data.result()
    if all(key.startswith(TRAINING) for key in header.metadata):
        found = DataHashes(found.model_hash, raw.digest())
    return Hashes(found, whole.hexdigest())


def webui_hash(path: Path, header: Header) -> str:
    """The hash that `Lora hashes` of an infotext gives, 12 digits: the beginning of the stamped `sshs_model_hash`,
    which the WebUI believes, else of the data section's SHA-256 (AutoV3). Reads the data only for that.
    BlockweightError if it can no longer be read.

    Source: `extensions-builtin/Lora/network.py` in AUTOMATIC1111/stable-diffusion-webui 1.10. (Forge hashes the whole
    file where no stamp is.)
    """
    stamped = header.metadata.get(MODEL_HASH, "")
    if _STAMP.fullmatch(stamped):
        return stamped[:_SHORT]
    return data_digest(path, header)[:_SHORT]


class _Window:
    """Keeps some pieces, (start, stop) each, of a stream of bytes."""

    def __init__(self, pieces: Sequence[tuple[int, int]]) -> None:
        self._pieces = [(start, stop, bytearray()) for start, stop in pieces]
        self._offset = 0

    def update(self, chunk: bytes) -> None:
        end = self._offset + len(chunk)
        for start, stop, taken in self._pieces:
            if start < end and stop > self._offset:
                taken.extend(chunk[max(start - self._offset, 0) : stop - self._offset])
        self._offset = end

    def digest(self) -> str:
        return hashlib.sha256(b"".join(taken for _, _, taken in self._pieces)).hexdigest()[:8]


def _rebuilt_window(tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> list[tuple[int, int]] | None:
    """The pieces of the data section that would stand in the window after the rewrite, in its order; None where that
    is not defined."""
    if not all(is_known(info.dtype) for info in tensors):
        return None
    own = sorted(tensors, key=lambda info: (-rank(info.dtype), info.name.encode("utf-8", "surrogatepass")))
    canonical = placed(own)
    data_start = _header_size(canonical, {key: text for key, text in metadata.items() if key.startswith(TRAINING)})
    if data_start > _WINDOW.start:
        return None
    start, stop = _WINDOW.start - data_start, _WINDOW.stop - data_start
    return [
        (mine.start + max(start - info.start, 0), mine.start + min(stop - info.start, info.size))
        for mine, info in zip(own, canonical, strict=True)
        if info.start < stop and info.end > start
    ]


def _header_size(tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> int:
    # Unlike our own writer, safetensors writes metadata that were given and are empty.
    fields: dict[str, object] = {"__metadata__": dict(metadata)}
    for info in tensors:
        fields[info.name] = {"dtype": info.dtype, "shape": list(info.shape), "data_offsets": [info.start, info.end]}
    size = len(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    return 8 + size + -size % 8
