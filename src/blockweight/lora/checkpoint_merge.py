"""LoRAs written into a checkpoint: W + Σ strength · block weight · ΔW, and all other tensors spliced through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_new
from blockweight.lora.checkpoint_names import CheckpointFile, Kind, Place
from blockweight.lora.dtypes import numpy_dtype, rounding
from blockweight.lora.file import module_name
from blockweight.lora.hashes import STAMPS
from blockweight.lora.header import TensorInfo, read_header
from blockweight.lora.layer_names import layer_of
from blockweight.lora.parents import MERGED_FROM, merged
from blockweight.lora.products import PRODUCTS
from blockweight.lora.provenance import unstamped
from blockweight.lora.tensors import read_array
from blockweight.lora.terms import Term, same_layers
from blockweight.lora.write import Replace, check_unchanged, splice

_WHOLE_ROLES: dict[str, Kind] = {"diff": "weight", "w_norm": "weight", "diff_b": "bias", "b_norm": "bias"}
_SLACK = 1.001
_FLOAT64 = 1e-12
_PRECISE = ("F16", "BF16", "F32", "F64")


@dataclass(frozen=True)
class CheckpointReport:
    """What was merged into a checkpoint: files, family, the data section's SHA-256, how many tensors were changed and
    how many copied, and how many layers have the weight 0.

    `error` is how far all changes together are off, ‖(W' − W) − ΣΔW‖ / ‖ΣΔW‖, which is the rounding of W' to the
    checkpoint's format; `worst` is the largest of a single tensor, `limit` what rounding may cause in `error` at most.
    """

    out: Path
    family: str
    digest: str
    changed: int
    copied: int
    dropped: int
    error: float
    worst: float
    limit: float


@dataclass(frozen=True, eq=False)
class _Addition:
    """What one term adds to one tensor of the checkpoint."""

    term: Term
    module: Module
    weight: float
    place: Place
    role: str | None

    def change(self) -> NDArray[np.float64]:
        """weight · ΔW, of which the file has the first dimension: from factors a matrix (out, …), else what the LoRA
        has whole, in the tensor `role`. Multiplied out as a product of two matrices."""
        if self.role is not None:
            return self._whole(self.role)
        product = self.term.product(self.module, beside=True).scaled(self.weight)
        return product.rows(0, len(product.left))

    def change_by_formula(self) -> NDArray[np.float64]:
        """The same by its format's formula, for comparing."""
        if self.role is not None:
            return self._whole(self.role)
        change = self.term.change(self.module, beside=True).scaled(self.weight)
        return change.rows(0, change.shape[0]).astype(np.float64, copy=False)

    def _whole(self, role: str) -> NDArray[np.float64]:
        return self.term.lora.read(self.term.lora.modules[self.module][role]).astype(np.float64) * self.weight


def merge_into_checkpoint(
    checkpoint: CheckpointFile,
    terms: Sequence[Term],
    out: Path,
    *,
    overwrite: bool = False,
    step: Callable[[], None] = lambda: None,
) -> CheckpointReport:
    """Write the checkpoint with the LoRAs (of its family) merged in to `out`.

    LoRA, LoCon, LoHa, LoKr, whole differences and norms are exact here; each new number is W + ΣΔW, rounded to the
    tensor's own format. All other tensors are copied byte by byte, in their order, one at a time. Metadata are the
    checkpoint's, with title, parents and hashes made right. `step` is called twice per changed tensor.

    Every changed tensor of the new file is compared with W + ΣΔW, by each format's formula, before it gets its name.
    BlockweightError, with nothing written: modules that the checkpoint lacks or that have another size there, kinds
    that need more than the change (OFT, DoRA, GLoRA, IA³), tensors that are not stored in 16 bits or more, and an `out`
    that is a source, or may not or cannot be written.
    """
    check_new(out, checkpoint.path, *(term.lora.path for term in terms), overwrite=overwrite)
    additions, dropped = _additions(checkpoint, terms)
    sums = _Sums()

    def check(temporary: Path) -> None:
        header = read_header(temporary)
        found = {info.name: info for info in header.tensors}
        for key, parts in additions.items():
            new = read_array(temporary, header, found[key]).astype(np.float64)
            change = _sum(checkpoint, key, parts, _Addition.change_by_formula)
            _compare(checkpoint.tensors[key], new, _read(checkpoint, key), change, sums)
            step()
        for term in terms:
            check_unchanged(term.lora.path, term.lora.header)

    digest = splice(
        checkpoint.path,
        checkpoint.header,
        out,
        {key: Replace(partial(_made, checkpoint, key, parts, step)) for key, parts in additions.items()},
        _metadata(checkpoint, terms, out),
        overwrite=overwrite,
        check=check,
    )
    return CheckpointReport(
        out,
        checkpoint.family,
        digest,
        len(additions),
        len(checkpoint.tensors) - len(additions),
        dropped,
        sums.relative(sums.off),
        sums.worst,
        sums.relative(sums.limit),
    )


def changed_count(checkpoint: CheckpointFile, terms: Sequence[Term]) -> int:
    """How many tensors `merge_into_checkpoint` changes, for the progress. BlockweightError as there."""
    return len(_additions(checkpoint, terms)[0])


def _additions(checkpoint: CheckpointFile, terms: Sequence[Term]) -> tuple[dict[str, list[_Addition]], int]:
    """Tensor → what is added to it, and how many layers have the weight 0."""
    found: dict[str, list[_Addition]] = {}
    layers = same_layers(terms)
    for parts in layers.values():
        for term, module in parts:
            for role, place in _targets(checkpoint, term, module):
                info = checkpoint.tensors[place.key]
                if info.dtype not in _PRECISE:
                    raise BlockweightError(
                        f"'{info.name}' of '{checkpoint.path}' is stored as {info.dtype}, in which a LoRA's change "
                        "would be lost to rounding; use the checkpoint in F16, BF16 or F32."
                    )
                found.setdefault(place.key, []).append(_Addition(term, module, term.weight(module), place, role))
    if not found:
        raise BlockweightError(
            "With these weights every module is 0, so nothing would change; leave at least one block above or below 0."
        )
    everything = {layer_of(module) or module for term in terms for module in term.lora.modules}
    return found, len(everything - layers.keys())


def _targets(checkpoint: CheckpointFile, term: Term, module: Module) -> Iterator[tuple[str | None, Place]]:
    """Which tensors of the checkpoint a module changes: its role there (None for a product) and its place."""
    lora, algorithm = term.lora, term.lora.algorithm(module)
    roles = lora.modules[module]
    wanted: list[tuple[str | None, Kind]] = [(role, kind) for role, kind in _WHOLE_ROLES.items() if role in roles]
    if algorithm in PRODUCTS:
        wanted.append((None, "weight"))
    known = roles.keys() <= {*_WHOLE_ROLES, "alpha"} or (algorithm in PRODUCTS and "diff" not in roles)
    if not wanted or not known or "lora_up_bias" in roles:
        raise BlockweightError(
            f"The module {module_name(module)} of '{lora.path}' (block {lora.block_of(module)}) is of the kind "
            f"'{algorithm}', which cannot be merged here as a plain sum; give its block the weight 0."
        )
    layer = layer_of(module)
    for role, kind in wanted:
        place = None if layer is None else checkpoint.place(layer, kind)
        if place is None:
            raise BlockweightError(
                f"'{lora.path}' changes {module_name(module)}, which '{checkpoint.path}' does not have; choose a "
                "checkpoint of the kind that the LoRA was made for."
            )
        yield role, place


def _made(checkpoint: CheckpointFile, key: str, parts: Sequence[_Addition], step: Callable[[], None]) -> bytes:
    info = checkpoint.tensors[key]
    kind = numpy_dtype(info.dtype)
    with np.errstate(over="ignore", under="ignore"):
        result: NDArray[np.generic] = (_read(checkpoint, key) + _sum(checkpoint, key, parts, _Addition.change)).astype(
            kind
        )
    if not np.isfinite(result).all():
        raise BlockweightError(
            f"'{key}' would be beyond the largest number of {info.dtype}, or holds NaN or Inf; use smaller weights."
        )
    step()
    return result.tobytes()


def _read(checkpoint: CheckpointFile, key: str) -> NDArray[np.float64]:
    return read_array(checkpoint.path, checkpoint.header, checkpoint.tensors[key]).astype(np.float64)


def _sum(
    checkpoint: CheckpointFile,
    key: str,
    parts: Sequence[_Addition],
    change_of: Callable[[_Addition], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """ΣΔW in the tensor's shape."""
    shape = checkpoint.tensors[key].shape
    total = np.zeros(shape)
    for part in parts:
        rows = part.place.rows(shape)
        target = total[rows]
        change = change_of(part)
        if change.shape[:1] != target.shape[:1] or change.size != target.size:
            made = "×".join(map(str, change.shape))
            raise BlockweightError(
                f"'{part.term.lora.path}' changes {module_name(part.module)} by a {made} matrix, but it is "
                f"{'×'.join(map(str, target.shape))} in '{checkpoint.path}'; it was made for another model."
            )
        target += change.reshape(target.shape)
    return total


class _Sums:
    """Squares added up over all changed tensors, and the worst single one."""

    def __init__(self) -> None:
        self.off = self.size = self.limit = self.worst = 0.0

    def relative(self, squares: float) -> float:
        """√(squares / ‖ΣΔW‖²), 0 where nothing changes."""
        return float((squares / self.size) ** 0.5) if self.size else 0.0


def _compare(
    info: TensorInfo, new: NDArray[np.float64], old: NDArray[np.float64], change: NDArray[np.float64], sums: _Sums
) -> None:
    """Every new number must be the nearest to W + ΣΔW that the format has; two ways to multiply out may differ by some
    of float64's own roundings."""
    u, s = rounding(info.dtype)
    wanted = old + change
    allowed = u * np.abs(wanted) + s
    off = np.abs(new - wanted)
    if not (off <= _SLACK * allowed + _FLOAT64 * np.abs(change).max(initial=0.0)).all():
        raise BlockweightError(f"'{info.name}' is not the checkpoint's plus the LoRAs' change; merge them again.")
    squares, size = float(np.square(off).sum()), float(np.square(change).sum())
    sums.off += squares
    sums.size += size
    sums.limit += float(np.square(allowed).sum())
    sums.worst = max(sums.worst, (squares / size) ** 0.5 if size else 0.0)


def _metadata(checkpoint: CheckpointFile, terms: Sequence[Term], out: Path) -> dict[str, str]:
    kept = {key: text for key, text in checkpoint.header.metadata.items() if key != "sshs_legacy_hash"}
    kept = unstamped(kept, [term.lora for term in terms])
    told = json.loads(merged(terms, out)[0][MERGED_FROM])
    base = {"file": checkpoint.path.name.encode(errors="replace").decode()}
    kept[MERGED_FROM] = json.dumps([base, *told], ensure_ascii=False, separators=(",", ":"))
    if any(key.startswith("modelspec.") for key in kept):
        title = kept.get("modelspec.title", checkpoint.path.stem).replace(",", " ")
        names = (term.lora.header.metadata.get("modelspec.title", term.lora.path.stem) for term in terms)
        kept["modelspec.merged_from"] = ", ".join((title, *(name.replace(",", " ") for name in names)))
        kept["modelspec.title"] = out.stem
        kept.setdefault("modelspec.hash_sha256", "")
    return {key: "" if key in STAMPS else text for key, text in kept.items()}
