"""Comparing a merged file with its parents: every module's change, multiplied out.

What the parents' changes are is taken from each format's formula (`Change.rows`), never from the products that the file
was made of: an error in turning LoHa or LoKr into a product shows here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Change, Matrix, Operand
from blockweight.lora.dialects import DOWN, UP
from blockweight.lora.dtypes import rounding
from blockweight.lora.file import module_name
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.merge_plan import MergeAction, MergedModule, MergePlan
from blockweight.lora.tensors import read_array, read_chunks

_SLACK = 1.001

_ROWS = 1024


@dataclass(frozen=True)
class MergedCheck:
    """How one module came out.

    `size` is Σ |weight| · ‖ΔW‖ over its parts, to which the other figures relate: `error` is the distance between the
    file's ΔW and the weighted sum, without what was cut off with the rank, which is `lost`; `limit` is what rounding to
    the file's format can cause of it at most.
    """

    module: Module
    block: str
    action: MergeAction
    parts: int
    rank: int
    full_rank: int
    size: float
    error: float
    limit: float
    lost: float


def check_merged(
    plan: MergePlan, path: Path, losses: Mapping[str, float], step: Callable[[], None]
) -> tuple[MergedCheck, ...]:
    """Check that the file holds what was planned; `losses` are by module's name what its lower rank cannot hold (‖…‖).
    BlockweightError names the first module that is not the weighted sum
    of its parents within rounding (and what was cut off), or a copy that is not the same."""
    header = read_header(path)
    found = {info.name: info for info in header.tensors}
    checks = []
    for module in plan.modules:
        checks.append(_check(plan, module, path, header, found, losses))
        step()
    return tuple(checks)


def _check(
    plan: MergePlan,
    module: MergedModule,
    path: Path,
    header: Header,
    found: dict[str, TensorInfo],
    losses: Mapping[str, float],
) -> MergedCheck:
    if module.action == "copied":
        return _check_copy(module, path, header, found)

    def read(name: str) -> NDArray[np.float64]:
        return read_array(path, header, found[name]).astype(np.float64)

    if module.action == "summed":
        return _check_sum(module, read, plan.dtype)
    up = read(f"{module.name}{UP[plan.dialect]}").reshape(module.shape[0], -1)
    down = read(f"{module.name}{DOWN[plan.dialect]}").reshape(module.rank, -1)
    # As a loader sees it: alpha as the file has it, or alpha = rank.
    alpha = float(read(f"{module.name}.alpha")) if plan.alpha is not None else float(module.rank)
    scale = alpha / module.rank
    parts = [part.change() for part in module.parts]
    here, size = _distance(Change("alone", (Operand(up, down),), scale), parts, plan.dtype)
    limit = abs(scale) * rounded_product(up, down, plan.dtype) + _lost_in_comparing(plan.dtype) * size
    lost = losses.get(module.name, 0.0)
    if abs(here - lost) > _SLACK * limit:
        raise _differs(module, path)
    part = module.parts[0]
    return MergedCheck(
        part.module,
        module.block,
        module.action,
        len(module.parts),
        module.rank,
        module.full_rank,
        size,
        _ratio(abs(here - lost), size),
        _ratio(limit, size),
        _ratio(lost, size),
    )


def _distance(found: Change, parts: Sequence[Change], dtype: str) -> tuple[float, float]:
    """‖found − Σ parts‖, and Σ ‖part‖ (Frobenius).

    For 16 bits and factors that are multiplied plainly by the Gram matrices of all factors together, where what cancels
    costs half of float64's digits, which leaves 10⁻⁸ of the parts' size: far below rounding. Else row by row.
    """
    if _is_coarse(dtype) and all(part.joined == "alone" for part in parts):
        factors = [part.thin() for part in parts]
        lefts = [left * -part.scale for part, (left, _) in zip(parts, factors, strict=True)]
        size = sum(_norm(left, right) for left, (_, right) in zip(lefts, factors, strict=True))
        left, right = found.thin()
        return _norm(
            np.concatenate([left * found.scale, *lefts], axis=1),
            np.concatenate([right, *(right for _, right in factors)]),
        ), size
    off, squares = 0.0, np.zeros(len(parts))
    for start in range(0, found.shape[0], _ROWS):
        rest = found.rows(start, start + _ROWS)
        for number, part in enumerate(parts):
            rows = part.rows(start, start + _ROWS)
            squares[number] += np.square(rows).sum()
            rest = rest - rows
        off += float(np.square(rest).sum())
    return float(off**0.5), float(np.sqrt(squares).sum())


def _norm(left: Matrix, right: Matrix) -> float:
    """‖left · right‖, from ‖LR‖² = ⟨LᵀL, RRᵀ⟩."""
    return float(np.sqrt(max(float(((left.T @ left) * (right @ right.T)).sum()), 0.0)))


def _is_coarse(dtype: str) -> bool:
    return rounding(dtype)[0] > 2.0**-12


def _lost_in_comparing(dtype: str) -> float:
    """What `_distance` itself may be off, relative to the parts' size; generous."""
    return 1e-7 if _is_coarse(dtype) else 1e-12


def rounded_product(up: NDArray[np.float64], down: NDArray[np.float64], dtype: str) -> float:
    """‖(U+δU)(D+δD) − UD‖ at most, with each number of U and D off by u·|x| + s (see `rounding`): ‖δU‖ is the
    Frobenius norm and the other factor's the spectral one, from its rank × rank Gram matrix."""
    u, s = rounding(dtype)
    offs = [u * float(np.linalg.norm(factor)) + s * factor.size**0.5 for factor in (up, down)]
    tall, wide = (float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0))) for gram in (up.T @ up, down @ down.T))
    return float(offs[0] * wide + tall * offs[1] + offs[0] * offs[1])


def _check_sum(module: MergedModule, read: Callable[[str], NDArray[np.float64]], dtype: str) -> MergedCheck:
    u, s = rounding(dtype)
    off = limit = 0.0
    sizes = np.zeros(len(module.parts))
    for info in module.tensors:
        role = info.name.rsplit(".", 1)[1]
        values = read(info.name)
        wanted = np.zeros(values.shape)
        for number, part in enumerate(module.parts):
            own = part.term.lora.modules[part.module].get(role)
            if own is not None:
                weighted = part.term.lora.read(own).astype(np.float64) * part.weight
                wanted += weighted
                sizes[number] += np.square(weighted).sum()
        away = np.abs(values - wanted)
        if not (away <= _SLACK * (u * np.abs(wanted) + s)).all():
            raise BlockweightError(f"'{info.name}' is not the weighted sum of the LoRAs'; merge them again.")
        off += float(np.square(away).sum())
        limit += float(np.square(u * np.abs(wanted) + s).sum())
    size, off, limit = float(np.sqrt(sizes).sum()), off**0.5, limit**0.5
    part = module.parts[0]
    return MergedCheck(
        part.module,
        module.block,
        module.action,
        len(module.parts),
        0,
        0,
        size,
        _ratio(off, size),
        _ratio(limit, size),
        0.0,
    )


def _check_copy(module: MergedModule, path: Path, header: Header, found: dict[str, TensorInfo]) -> MergedCheck:
    part = module.parts[0]
    lora = part.term.lora
    for info in module.tensors:
        here = found[info.name]
        pieces = zip(
            read_chunks(lora.path, lora.header, info.start, info.end),
            read_chunks(path, header, here.start, here.end),
            strict=True,
        )
        if any(ours != theirs for ours, theirs in pieces):
            raise _differs(module, path)
    down = lora.modules[part.module].get("lora_down")
    rank = 0 if down is None or not down.shape else down.shape[0]
    return MergedCheck(part.module, module.block, "copied", 1, rank, rank, 0.0, 0.0, 0.0, 0.0)


def _differs(module: MergedModule, path: Path) -> BlockweightError:
    return BlockweightError(
        f"The change of {module_name(module.parts[0].module)} in '{path}' is not the weighted sum of the LoRAs'; "
        "merge them again."
    )


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if part == 0 else float("inf")
    return part / whole
