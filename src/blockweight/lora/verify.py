"""Comparing a baked LoRA with its source and the block weights: module by module, and byte by byte elsewhere.

ΔW is linear in every scaled factor, and no two that are scaled multiply each other. So it is w times the source's if
each scaled factor is, number by number as read from both files, and all else is the same bytes. No formula of ΔW has a
say in that; those of `algebra` only tell how large a factor's error is as one of ΔW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import REST, Module, family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Change, change_of
from blockweight.lora.bake_plan import Action, ModulePlan, Recipe, plan_bake
from blockweight.lora.dtypes import rounding
from blockweight.lora.file import Lora, module_name, open_lora
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.tensors import read_array, read_chunks
from blockweight.weights import BlockWeights

_Arrays = Mapping[str, NDArray[np.generic]]
_Matrix = NDArray[np.floating]

# Products are taken in float32 before they are rounded to 16 or 8 bits: a second, much finer rounding.
_SLACK = 1.001

_FINE = 1e-5

_PARTNERS: Mapping[str, tuple[str, ...]] = {
    "lora_up": ("lora_down", "lora_mid", "alpha"),
    "hada_w1_a": ("hada_w1_b", "hada_t1", "hada_w2_a", "hada_w2_b", "hada_t2", "alpha"),
    "lokr_w1": ("lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "alpha"),
    "lokr_w1_a": ("lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "alpha"),
    "glora_a1": ("glora_a2",),
    "glora_b1": ("glora_b2",),
}
"""What a scaled factor is multiplied with."""


@dataclass(frozen=True)
class ModuleCheck:
    """How one module came out.

    `error` is ‖ΔW_baked − w·ΔW_source‖ / ‖w·ΔW_source‖ (Frobenius), 0 for a module that was copied, zeroed or dropped.
    `limit` is what rounding every number to its format can cause at most: u·‖F‖ + s·√n on the scaled factor F, carried
    through the other factors.
    """

    module: Module
    block: str
    weight: float
    action: Action
    error: float
    limit: float


@dataclass(frozen=True)
class BakeCheck:
    """A baked file that is what it should be: its modules in the source's order, and the tensors of the source that
    belong to no module and were copied."""

    modules: tuple[ModuleCheck, ...]
    unknown_keys: tuple[str, ...]

    @property
    def max_error(self) -> float:
        """The largest relative error of a module."""
        return max((check.error for check in self.modules), default=0.0)

    @property
    def max_limit(self) -> float:
        """The largest relative error that rounding may cause in a module."""
        return max((check.limit for check in self.modules), default=0.0)

    @property
    def rest(self) -> tuple[ModuleCheck, ...]:
        """The modules that no block claims."""
        return tuple(check for check in self.modules if check.block == REST)

    def count(self, action: Action) -> int:
        """How many modules were copied, scaled, zeroed or dropped."""
        return sum(check.action == action for check in self.modules)


def verify_baked(source: Path, weights: BlockWeights, baked: Path, recipe: Recipe = Recipe()) -> BakeCheck:
    """Check that `baked` is `source` with these block weights baked in, whichever program run made it.

    Every module's ΔW must be strength × block weight × the source's within rounding, modules of weight 0 must be gone,
    and all other tensors must be the same bytes. BlockweightError names the first that is not, and everything that
    `open_lora` and `plan_bake` refuse.
    """
    lora = open_lora(source, family_by_name(weights.layout.family))
    return check_bake(lora, plan_bake(lora, weights, recipe), baked)


def check_bake(lora: Lora, plans: tuple[ModulePlan, ...], baked: Path) -> BakeCheck:
    """`verify_baked` for a source that is open and a plan that is made."""
    header = read_header(baked)
    found = {info.name: info for info in header.tensors}
    expected = set(lora.unknown_keys)
    for plan in plans:
        if plan.action != "dropped":
            expected.update(info.name for info in lora.modules[plan.module].values())
    for name in sorted(expected ^ found.keys()):
        raise _differs(baked, f"the tensor '{name}' {'is missing' if name in expected else 'should not be there'}")
    formats = {info.name: plan.format_of(info) for plan in plans for info in plan.scaled}
    for info in lora.header.tensors:
        there = found.get(info.name)
        if there is not None and (there.dtype, there.shape) != (formats.get(info.name, info.dtype), info.shape):
            raise _differs(baked, f"the tensor '{info.name}' has another format or shape")
    other = _Baked(baked, header, found)
    for info in lora.header.tensors:
        if info.name in found and info.name not in formats:
            other.check_same(lora, info)
    return BakeCheck(tuple(_check_module(lora, plan, other) for plan in plans), lora.unknown_keys)


@dataclass(frozen=True)
class _Baked:
    path: Path
    header: Header
    tensors: Mapping[str, TensorInfo]

    def check_same(self, lora: Lora, info: TensorInfo) -> None:
        here = self.tensors[info.name]
        pieces = zip(
            read_chunks(lora.path, lora.header, info.start, info.end),
            read_chunks(self.path, self.header, here.start, here.end),
            strict=True,
        )
        if any(ours != theirs for ours, theirs in pieces):
            raise _differs(self.path, f"the tensor '{info.name}' should be unchanged, but is not")


def _differs(baked: Path, what: str) -> BlockweightError:
    return BlockweightError(f"'{baked}' is not the source with these weights: {what}; bake it again.")


def _check_module(lora: Lora, plan: ModulePlan, baked: _Baked) -> ModuleCheck:
    error = limit = 0.0
    source = lora.arrays(plan.module) if plan.scaled else {}
    for role, info in ((role, info) for role, info in lora.modules[plan.module].items() if info in plan.scaled):
        measure = _measure(lora, plan, role, source)
        u, s = rounding(plan.format_of(info))
        # Four digits beyond 16 bits are plenty; a 32-bit float needs the finer product.
        fine = np.dtype(np.float32 if u > _FINE else np.float64)
        wanted: _Matrix = np.atleast_1d(source[role].astype(fine))
        if plan.neutral:
            wanted -= fine.type(plan.neutral)
        wanted *= fine.type(plan.weight)
        size = measure.norm(wanted)
        if plan.neutral:
            wanted += fine.type(plan.neutral)
        result = read_array(baked.path, baked.header, baked.tensors[info.name])
        off: _Matrix = np.subtract(result.astype(fine), wanted, dtype=fine)
        here = _ratio(measure.norm(off), size)
        allowed = _SLACK * (u * float(np.linalg.norm(wanted)) + s * wanted.size**0.5) * measure.gain
        if here > _ratio(allowed, size):
            raise _differs(
                baked.path, f"the change of {module_name(plan.module)} is off by {here:.2g} (‖error‖ / ‖change‖)"
            )
        # Sharper than any norm: every number is the nearest that its format has.
        if not (np.abs(off, out=off) <= np.abs(wanted, out=wanted) * (_SLACK * u) + _SLACK * s).all():
            raise _differs(baked.path, f"'{info.name}' is not the source's times {plan.weight:g} to its last digit")
        if plan.weight:
            vanished = size == 0 and (source[role] != plan.neutral).any()
            error, limit = max(error, float("inf") if vanished else here), max(limit, _ratio(allowed, size))
    return ModuleCheck(plan.module, plan.block, plan.weight, plan.action, error, limit)


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if part == 0 else float("inf")
    return part / whole


@dataclass(frozen=True)
class _Measure:
    """How a module's change follows from its scaled factor F, by the linear map L: `norm` gives ‖L(F)‖, and
    ‖L(F)‖ ≤ `gain` · ‖F‖ for every F."""

    norm: Callable[[_Matrix], float]
    gain: float


def _measure(lora: Lora, plan: ModulePlan, role: str, source: _Arrays) -> _Measure:
    """The measure for one scaled role. What the factor is multiplied with must not be scaled too, whatever the plan
    says: else ΔW would change by more than the weight. (What is not scaled is compared byte by byte.)"""
    name, roles = module_name(plan.module), lora.modules[plan.module]
    if any(roles[partner] in plan.scaled for partner in _PARTNERS.get(role, ()) if partner in roles):
        raise BlockweightError(f"The module {name} was changed in more than {role}; bake '{lora.path}' again.")
    if role in ("lora_up", "hada_w1_a", "lokr_w1_a"):
        change = change_of(name, lora.algorithm(plan.module), source, np.float32)
        # ‖A ⊗ B‖ = ‖A‖·‖B‖, so the second half of a Kronecker product cancels in the relative error.
        return (
            _hadamard(change, turned="hada_t1" in source) if role == "hada_w1_a" else _product(change.operands[0].right)
        )
    return _Measure(lambda values: float(np.linalg.norm(values)), 1.0)


def _product(right: _Matrix) -> _Measure:
    # ‖F·R‖² = tr(FᵀF · R Rᵀ): rank × rank instead of the full matrix. Of a matrix times its own transpose BLAS computes
    # one half.
    gram = right @ right.T

    def norm(values: _Matrix) -> float:
        left = values.reshape(values.shape[0], -1)
        return float(np.sqrt(max(float(((left.T @ left) * gram).sum(dtype=np.float64)), 0.0)))

    return _Measure(norm, float(np.linalg.norm(right)))


def _hadamard(change: Change, *, turned: bool) -> _Measure:
    """‖(F · R) ∘ second‖; beside a Tucker core the file has F turned, (r, out)."""
    right, second = change.operands[0].right, change.operands[1].rows(slice(None))

    def norm(values: _Matrix) -> float:
        left = values.T if turned else values
        return float(np.linalg.norm((left @ right) * second))

    return _Measure(norm, float(np.linalg.norm(right)) * float(np.abs(second).max()))
