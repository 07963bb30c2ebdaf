"""A LoRA out of two checkpoints: the difference of every layer, cut to a low rank.

The best rank-N approximation of a matrix is its truncated SVD (Eckart and Young, 1936). Large matrices get it by
subspace iteration on a random start (Halko, Martinsson and Tropp, 2011, algorithms 4.4 and 5.1), small ones by LAPACK's
SVD.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import REST, family_by_name, module_of
from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_new
from blockweight.lora.checkpoint_names import CheckpointFile, Place, layers_in
from blockweight.lora.create import write_computed
from blockweight.lora.dtypes import is_float, numpy_dtype
from blockweight.lora.header import Header, TensorInfo, new_tensor, read_header
from blockweight.lora.layer_names import Layer, kohya_name
from blockweight.lora.merge_check import rounded_product
from blockweight.lora.parents import sized
from blockweight.lora.products import Matrix
from blockweight.lora.shrink import RankRule
from blockweight.lora.tensors import read_array
from blockweight.lora.write import check_unchanged

_OVERSAMPLED = 10
_ITERATIONS = 4
_SMALL = 256
_SEED = 0
_FLOAT64 = 1e-10
_BASE_MODELS = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0"}
"""What sd-scripts writes into `ss_base_model_version`."""


@dataclass(frozen=True)
class Extracted:
    """One layer: its block, rank, ‖difference‖ (Frobenius), and the share of its square that the LoRA holds."""

    name: str
    block: str
    rank: int
    size: float
    kept: float


@dataclass(frozen=True)
class ExtractReport:
    """What was extracted: the file, family, data section's SHA-256 and layers.

    `same` layers do not differ. `left_out` are tensors that differ but that no low-rank layer stands for (norms,
    biases, embeddings, and convolutions unless wanted), and `left_out_share` is their part of ‖difference‖², the
    autoencoder not counted.
    """

    out: Path
    family: str
    digest: str
    layers: tuple[Extracted, ...]
    same: int
    left_out: tuple[str, ...]
    left_out_share: float

    @property
    def kept(self) -> float:
        """The share of ‖difference‖² of the extracted layers that the LoRA holds."""
        total = sum(layer.size**2 for layer in self.layers)
        return sum(layer.kept * layer.size**2 for layer in self.layers) / total if total else 0.0


@dataclass(frozen=True, eq=False)
class _Source:
    """A layer's weight in both checkpoints, and the LoRA module that is to hold the difference."""

    layer: Layer
    name: str
    tuned: Place
    base: Place
    shape: tuple[int, ...]
    rank: int
    size: float


def extract(
    tuned: CheckpointFile,
    base: CheckpointFile,
    out: Path,
    rule: RankRule,
    *,
    conv_rule: RankRule | None = None,
    dtype: str = "F16",
    overwrite: bool = False,
    step: Callable[[], None] = lambda: None,
) -> ExtractReport:
    """Write tuned − base as a LoRA in kohya's names to `out`. `rule` gives the ranks of linear layers and 1×1
    convolutions, `conv_rule` those of larger ones (None: left out). `step` is called three times per layer of
    `layer_count`.

    The result is verified before it gets its name: what the file holds is multiplied out and has to be the difference's
    projection, which the truncated SVD is. One layer at a time is in memory. BlockweightError, with nothing written:
    checkpoints of different families or sizes, no difference, numbers that overflow, and an `out` that is a source, or
    may not or cannot be written.
    """
    check_new(out, tuned.path, base.path, overwrite=overwrite)
    if tuned.family != base.family:
        raise BlockweightError(
            f"'{tuned.path}' is a checkpoint of {tuned.family} and '{base.path}' one of {base.family}, so they have no "
            "layers in common; choose two of one family."
        )
    sources, same = _sources(tuned, base, rule, conv_rule, step)
    left_out, share = _left_out(tuned, base, sources)
    if not sources:
        raise BlockweightError(
            f"'{tuned.path}' and '{base.path}' differ in no layer that a LoRA can change, so nothing can be extracted."
        )
    alpha = float(max(source.rank for source in sources))
    maker = _Maker(tuned, base, dtype, alpha)
    infos = [info for source in sources for info in maker.tensors(source)]
    layers: list[Extracted] = []

    def check(temporary: Path) -> None:
        header = read_header(temporary)
        for source in sources:
            layers.append(_check(maker, source, temporary, header))
            step()
        for file in (tuned, base):
            check_unchanged(file.path, file.header)

    def make(info: TensorInfo) -> bytes:
        data, finished = maker.make(info)
        if finished:
            step()
        return data

    metadata = _metadata(tuned, base, out, [source.rank for source in sources], alpha)
    digest = write_computed(out, infos, metadata, make, overwrite=overwrite, check=check)
    return ExtractReport(out, tuned.family, digest, tuple(layers), same, left_out, share)


def layer_count(tuned: CheckpointFile, base: CheckpointFile, *, convolutions: bool) -> int:
    """How many layers `extract` compares, for the progress."""
    return sum(1 for _, kind, *_ in _compared(tuned, base) if kind == "linear" or convolutions)


def truncated(matrix: Matrix, rank: int) -> tuple[Matrix, Matrix]:
    """Left and right of the best approximation of this rank (for large matrices, of one that comes near it); the
    singular values are shared evenly between both."""
    if min(matrix.shape) <= max(_SMALL, 4 * (rank + _OVERSAMPLED)):
        u, values, vt = np.linalg.svd(matrix, full_matrices=False)
    else:
        start = np.random.default_rng(_SEED).standard_normal((matrix.shape[1], rank + _OVERSAMPLED))
        basis, _ = np.linalg.qr(matrix @ start)
        for _ in range(_ITERATIONS):
            back, _ = np.linalg.qr(matrix.T @ basis)
            basis, _ = np.linalg.qr(matrix @ back)
        inner, values, vt = np.linalg.svd(basis.T @ matrix, full_matrices=False)
        u = basis @ inner
    roots = np.sqrt(values[:rank])
    return u[:, :rank] * roots, roots[:, None] * vt[:rank]


def _kind(shape: tuple[int, ...]) -> str:
    if len(shape) not in (2, 4) or 0 in shape:
        return "other"
    return "linear" if set(shape[2:]) <= {1} else "conv"


def _compared(tuned: CheckpointFile, base: CheckpointFile) -> Iterator[tuple[Layer, str, Place, Place]]:
    """The layers of both that a LoRA can change, with their kind (`linear`, `conv`) and their places in each."""
    for key, info in tuned.tensors.items():
        kind = _kind(info.shape)
        for layer, place in () if kind == "other" else layers_in(key, tuned.family):
            other = base.place(layer, "weight")
            if other is not None and "embedding" not in layer.name.rsplit(".", 1)[-1]:
                yield layer, kind, place, other


def _sources(
    tuned: CheckpointFile,
    base: CheckpointFile,
    rule: RankRule,
    conv_rule: RankRule | None,
    step: Callable[[], None],
) -> tuple[list[_Source], int]:
    """The layers that differ, each with its rank, and how many do not differ."""
    found, same = [], 0
    for layer, kind, place, other in _compared(tuned, base):
        here = rule if kind == "linear" else conv_rule
        if here is None:
            continue
        difference = _difference(tuned, base, place, other)
        size = float(np.linalg.norm(difference))
        step()
        if size == 0:
            same += 1
            # Nothing is left to make and to check of it.
            step()
            step()
            continue
        shape = (difference.shape[0], *tuned.tensors[place.key].shape[1:])
        name = kohya_name(layer, tuned.family)
        found.append(_Source(layer, name, place, other, shape, _rank(difference, here), size))
    return found, same


def _rank(difference: Matrix, rule: RankRule) -> int:
    def values() -> Matrix:
        # Their squares are the eigenvalues of the smaller Gram matrix.
        gram = difference @ difference.T if difference.shape[0] <= difference.shape[1] else difference.T @ difference
        return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0)), np.float64)

    return rule.kept(min(difference.shape), values)


def _difference(tuned: CheckpointFile, base: CheckpointFile, place: Place, other: Place) -> Matrix:
    """tuned − base as a matrix (out, in · kh · kw)."""
    one, two = (_rows(file, where) for file, where in ((tuned, place), (base, other)))
    if one.shape != two.shape:
        raise BlockweightError(
            f"'{place.key}' is {'×'.join(map(str, one.shape))} in '{tuned.path}' and {'×'.join(map(str, two.shape))} "
            f"in '{base.path}', so one was not made from the other; choose two checkpoints of one model."
        )
    difference: Matrix = one - two
    if not np.isfinite(difference).all():
        raise BlockweightError(f"'{place.key}' holds NaN or Inf in one of the checkpoints; use sound ones.")
    return difference


def _rows(file: CheckpointFile, place: Place) -> Matrix:
    info = file.tensors[place.key]
    if not is_float(info.dtype):
        raise BlockweightError(f"'{info.name}' of '{file.path}' is stored as {info.dtype}; use it in F16, BF16 or F32.")
    values = read_array(file.path, file.header, info)[place.rows(info.shape)]
    return values.astype(np.float64).reshape(len(values), -1)


def _left_out(tuned: CheckpointFile, base: CheckpointFile, sources: list[_Source]) -> tuple[tuple[str, ...], float]:
    """Tensors of UNet and text encoders that differ and are in no source, and their share of all squares."""
    taken = {source.tuned.key for source in sources}
    total = sum(source.size**2 for source in sources)
    names, squares = [], 0.0
    for key, info in tuned.tensors.items():
        other = base.tensors.get(key)
        if key in taken or other is None or key.startswith("first_stage_model.") or not is_float(info.dtype):
            continue
        if other.shape != info.shape or not is_float(other.dtype):
            continue
        here = float(np.square(_rows(tuned, Place(key)) - _rows(base, Place(key))).sum()) if info.shape else 0.0
        if here > 0:
            names.append(key)
            squares += here
    return tuple(names), squares / (total + squares) if squares else 0.0


class _Maker:
    """The bytes of the new tensors; a layer's factors are kept until another layer's are asked for."""

    def __init__(self, tuned: CheckpointFile, base: CheckpointFile, dtype: str, alpha: float) -> None:
        self._tuned, self._base = tuned, base
        self.dtype, self.alpha, self.family = dtype, alpha, family_by_name(tuned.family)
        self._sources: dict[str, _Source] = {}
        self._latest: tuple[str, tuple[Matrix, Matrix]] | None = None

    def tensors(self, source: _Source) -> list[TensorInfo]:
        out, inputs, *kernel = source.shape
        made = [
            new_tensor(f"{source.name}.lora_down.weight", self.dtype, (source.rank, inputs, *kernel)),
            new_tensor(f"{source.name}.lora_up.weight", self.dtype, (out, source.rank, *[1] * len(kernel))),
            new_tensor(f"{source.name}.alpha", "F32", ()),
        ]
        self._sources |= {info.name: source for info in made}
        return made

    def difference(self, source: _Source) -> Matrix:
        return _difference(self._tuned, self._base, source.tuned, source.base)

    def make(self, info: TensorInfo) -> tuple[bytes, bool]:
        """A tensor's bytes, and whether its layer's factors are done with it."""
        if info.name.endswith(".alpha"):
            return np.asarray(self.alpha, np.float32).tobytes(), False
        source = self._sources[info.name]
        if self._latest is None or self._latest[0] != source.name:
            left, right = truncated(self.difference(source), source.rank)
            inside = (source.rank / self.alpha) ** 0.5
            self._latest = (source.name, (left * inside, right * inside))
        up, down = self._latest[1]
        is_up = info.name.endswith(".lora_up.weight")
        with np.errstate(over="ignore", under="ignore"):
            result: NDArray[np.generic] = (up if is_up else down).astype(numpy_dtype(info.dtype))
        if not np.isfinite(result).all():
            raise BlockweightError(f"'{info.name}' would be beyond the largest number of {info.dtype}; use fp32.")
        return result.tobytes(), is_up


def _check(maker: _Maker, source: _Source, path: Path, header: Header) -> Extracted:
    """Check that the file's ΔW is a projection of the difference D, X ⟂ D − X, as far as rounding allows."""
    found = {info.name: info for info in header.tensors}
    up, down, alpha = (
        read_array(path, header, found[f"{source.name}.{end}"]).astype(np.float64)
        for end in ("lora_up.weight", "lora_down.weight", "alpha")
    )
    scale = float(alpha) / source.rank
    up, down = up.reshape(len(up), -1), down.reshape(source.rank, -1)
    difference = maker.difference(source)
    held: Matrix = (up * scale) @ down
    rest = difference - held
    limit = scale * rounded_product(up, down, maker.dtype) + _FLOAT64 * source.size
    if abs(float((rest * held).sum())) > limit * (2 * source.size + limit):
        raise BlockweightError(f"The layer {source.name} came out wrong in '{path}'; extract it again.")
    kept = 1 - float(np.square(rest).sum()) / source.size**2
    module = module_of(source.name)
    block = REST if module is None else maker.family.block_of(module)
    return Extracted(source.name, block, source.rank, source.size, kept)


def _metadata(tuned: CheckpointFile, base: CheckpointFile, out: Path, ranks: list[int], alpha: float) -> dict[str, str]:
    names = {
        which: file.path.name.encode(errors="replace").decode() for which, file in (("tuned", tuned), ("base", base))
    }
    told = {
        "ss_base_model_version": _BASE_MODELS[tuned.family],
        "ss_v2": str(tuned.family == "sd2"),
        "ss_output_name": out.stem,
        "blockweight.extracted_from": json.dumps(names, ensure_ascii=False, separators=(",", ":")),
    }
    return sized(told, ranks, alpha)
