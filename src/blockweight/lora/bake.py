"""Baking: the block weights are written into the LoRA's own tensors, so that every tool loads them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import REST, family_by_name
from blockweight.lora.atomic import check_new
from blockweight.lora.bake_blocks import block_part
from blockweight.lora.bake_plan import BlockRefusedError, ModulePlan, Recipe, plan_bake
from blockweight.lora.dtypes import all_finite, numpy_dtype
from blockweight.lora.file import Lora, open_lora
from blockweight.lora.header import TensorInfo
from blockweight.lora.provenance import baked_metadata
from blockweight.lora.verify import BakeCheck, ModuleCheck, check_bake
from blockweight.lora.write import Drop, Instruction, Replace, splice
from blockweight.weights import BlockWeights, plain_number

MOST_ERROR = 0.2
"""The relative error of a module's change beyond which a bake is refused. fp8 rounds to some percent; more than this is
a weight so small that most of the change underflows."""


@dataclass(frozen=True)
class BakeReport:
    """What was baked: the two files, the weights, the new data section's SHA-256, and the check of every module."""

    source: Path
    out: Path
    weights: BlockWeights
    recipe: Recipe
    digest: str
    check: BakeCheck

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: output, verified, max_relative_error (of a module's ΔW), family, layout, weights,
        strength, sha256 of the data section, and per block (in the layout's order, REST last) `modules`, `weight` and
        `action`; `mixed` where its modules differ in it."""
        found: dict[str, list[ModuleCheck]] = {block: [] for block in (*self.weights.layout.blocks, REST)}
        for module in self.check.modules:
            found[module.block].append(module)
        return {
            "output": str(self.out),
            "verified": True,
            "max_relative_error": self.check.max_error,
            "family": self.weights.layout.family,
            "layout": self.weights.layout.name,
            "weights": self.weights.text(),
            "strength": plain_number(self.recipe.strength),
            "data_sha256": self.digest,
            "blocks": {
                block: block_part(block, [each.weight for each in checks], {each.action for each in checks}).facts()
                for block, checks in found.items()
                if checks
            },
        }


def bake(
    source: Path,
    weights: BlockWeights,
    out: Path,
    recipe: Recipe = Recipe(),
    *,
    overwrite: bool = False,
    evidence: Mapping[str, object] = MappingProxyType({}),
) -> BakeReport:
    """Write `source` with ΔW of every module times strength × the weight of its block to `out`.

    Weight 1 copies a module's bytes, 0 drops its tensors, any other scales one factor of its change, sign included;
    alpha stays (`Recipe` has other ways). The numbers are rounded to the file's own formats. Tensors that belong to no
    module are copied. The layout of `weights` may be a shorter one if the LoRA has none of the blocks that it lacks;
    modules that no block claims take `weights.rest`, and those that an elemental preset meets its ratio. The result is
    verified (see `verify_baked`) before it gets its name.

    Metadata are kept, but for what would be wrong in the new file (see `baked_metadata`), and its hashes are set right.
    `evidence` is what is known of the weights, for its stamp.

    BlockweightError, with nothing written: a source that `open_lora` refuses or that is of another family than the
    layout, weights that `plan_bake` refuses, numbers that overflow or vanish in their format, and an `out` that is
    the source, or may not or cannot be written.
    """
    check_new(out, source, overwrite=overwrite)
    lora = open_lora(source, family_by_name(weights.layout.family))
    plans = plan_bake(lora, weights, recipe)
    instructions: dict[str, Instruction] = {}
    for plan in plans:
        if plan.action == "dropped":
            instructions.update((info.name, Drop()) for info in lora.modules[plan.module].values())
        for info in plan.scaled:
            instructions[info.name] = Replace(partial(scaled_bytes, lora, plan, info), plan.stored)
    checks: list[BakeCheck] = []
    digest = splice(
        source,
        lora.header,
        out,
        instructions,
        baked_metadata(lora, weights, recipe, plans, out, evidence),
        overwrite=overwrite,
        check=lambda temporary: checks.append(_worth_keeping(plans, check_bake(lora, plans, temporary))),
    )
    return BakeReport(source, out, weights, recipe, digest, checks[0])


def _worth_keeping(plans: tuple[ModulePlan, ...], check: BakeCheck) -> BakeCheck:
    for plan, module in zip(plans, check.modules, strict=True):
        if module.error > MOST_ERROR:
            finer = _finer(*(plan.format_of(info) for info in plan.scaled))
            raise BlockRefusedError(
                module.block,
                f"Block {module.block} times {module.weight:g} is too small for the numbers of this file: "
                f"rounding would lose {min(module.error, 1):.0%} of the change of {module.module.component} "
                f"'{module.module.path}'; choose 0 or a larger weight{finer}.",
            )
    return check


def _finer(*formats: str) -> str:
    """The way out that is left while a format has fewer than 32 bits."""
    return "" if {"F32", "F64"}.issuperset(formats) else ", or store scaled numbers in 32 bits (--precision fp32)"


def scaled_bytes(lora: Lora, plan: ModulePlan, info: TensorInfo) -> bytes:
    """One tensor times its module's weight, in the format that the plan stores it in. BlockRefusedError for numbers
    that are not finite, before or after."""
    stored, values = plan.format_of(info), lora.read(info)
    result = scaled_values(values, plan.weight, numpy_dtype(stored), plan.neutral)
    if not all_finite(result):
        if all_finite(values):
            why = (
                f"'{info.name}' (block {plan.block}) times {plan.weight:g} is beyond the largest number of {stored}; "
                f"choose a smaller weight{_finer(stored)}."
            )
        else:
            why = (
                f"'{info.name}' holds values that are not finite numbers (NaN or Inf): the LoRA is broken, so train or "
                "download it again."
            )
        raise BlockRefusedError(plan.block, why)
    return result.tobytes()


def scaled_values(
    values: NDArray[np.generic], weight: float, wanted: np.dtype[np.generic] | None, neutral: float = 0.0
) -> NDArray[np.generic]:
    """neutral + weight · (values − neutral), rounded once to the format `wanted`."""
    # Two digits of float32 beyond 16 bits are plenty, but for float32 itself the product has to be finer.
    precise = np.dtype(np.float32 if wanted is not None and wanted.itemsize <= 2 else np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        numbers: NDArray[np.floating] = values.astype(precise)
        if neutral:
            numbers -= neutral
        numbers *= weight
        if neutral:
            numbers += neutral
        return numbers.astype(wanted)
