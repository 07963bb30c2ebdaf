"""Writing a new LoRA file from arrays, as training does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.lora.dtypes import format_of, is_float, rank
from blockweight.lora.header import TensorInfo
from blockweight.lora.write import write_tensors


def write_lora(
    path: Path,
    tensors: Mapping[str, NDArray[np.generic]],
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> str:
    """Write arrays (kohya or other LoRA keys; any format that safetensors has) and metadata to a new file.

    The tensors stand in the order that the safetensors package gives them (format, then name), so that saving the
    file again elsewhere does not change its hash. `sshs_model_hash` is added to the metadata. The file is read back and
    compared before it gets its name. Returns that hash, the SHA-256 of the data section.

    BlockweightError for no tensors, an array that safetensors cannot hold, NaN or Inf (a diverged training), text
    that UTF-8 cannot hold, and where the file may not or cannot be written.
    """
    if not tensors:
        raise BlockweightError(f"There is nothing to write to '{path}': the LoRA has no tensors.")
    infos = sorted((_info(name, array) for name, array in tensors.items()), key=_canonical)

    def data() -> Iterator[bytes]:
        for info in infos:
            yield tensors[info.name].tobytes()

    stamped = {**metadata, "sshs_model_hash": ""}
    return write_tensors(path, infos, stamped, data, overwrite=overwrite, check=lambda _: None)


def write_computed(
    path: Path,
    tensors: Iterable[TensorInfo],
    metadata: Mapping[str, str],
    make: Callable[[TensorInfo], bytes],
    *,
    overwrite: bool,
    check: Callable[[Path], None],
) -> str:
    """Write a new file whose tensors are made one at a time, when their turn comes; only their shapes need to be known
    beforehand (offsets are assigned here). Order, `sshs_model_hash`, the check and the returned hash as in `write_lora`
    and `write_tensors`.
    """
    infos = sorted(tensors, key=_canonical)

    def data() -> Iterator[bytes]:
        for info in infos:
            made = make(info)
            if len(made) != info.size:
                raise ValueError(f"{len(made)} bytes for {info.name}, which has {info.size}")
            yield made

    return write_tensors(path, infos, {**metadata, "sshs_model_hash": ""}, data, overwrite=overwrite, check=check)


def _info(name: str, array: NDArray[np.generic]) -> TensorInfo:
    if name == "__metadata__":
        raise BlockweightError("A tensor cannot be called so: the name '__metadata__' is reserved; choose another.")
    dtype = format_of(array.dtype)
    if dtype is None:
        raise BlockweightError(
            f"'{name}' is an array of {array.dtype}, which safetensors cannot hold; use float16 or float32."
        )
    if is_float(dtype) and not np.isfinite(array).all():
        raise BlockweightError(
            f"'{name}' holds values that are not finite numbers (NaN or Inf), so the LoRA would be broken; "
            "lower the learning rate and train again."
        )
    return TensorInfo(name, dtype, array.shape, 0, array.nbytes)


def _canonical(info: TensorInfo) -> tuple[int, bytes]:
    return -rank(info.dtype), info.name.encode("utf-8", "surrogatepass")
