"""Adding LoRAs up: Σ strength · block weight · ΔW, written as one LoRA whose factors stand side by side.

[w₁B₁ w₂B₂] · [A₁; A₂] = w₁B₁A₁ + w₂B₂A₂ exactly. Adding the factors themselves would give (B₁+B₂)(A₁+A₂), with products
of one LoRA's factor and the other's that neither of them has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_new
from blockweight.lora.create import write_computed
from blockweight.lora.dialects import DOWN, UP, Dialect, dialect_of
from blockweight.lora.dtypes import numpy_dtype
from blockweight.lora.header import TensorInfo
from blockweight.lora.merge_check import MergedCheck, check_merged
from blockweight.lora.merge_plan import MergeAction, MergedModule, MergePlan, plan_merge
from blockweight.lora.parents import merged, sized
from blockweight.lora.shrink import RankRule
from blockweight.lora.tensors import read_chunks
from blockweight.lora.terms import Term
from blockweight.lora.write import check_unchanged


@dataclass(frozen=True)
class MergeReport:
    """What was merged: the new file, its data section's SHA-256, every module's check, how many layers have the weight
    0, keys of the parents that belong to no module and were left out, and remarks about metadata."""

    out: Path
    family: str
    digest: str
    modules: tuple[MergedCheck, ...]
    dropped: int
    unknown_keys: tuple[str, ...]
    remarks: tuple[str, ...]

    def count(self, action: MergeAction) -> int:
        """How many modules were made in this way."""
        return sum(module.action == action for module in self.modules)

    @property
    def max_error(self) -> float:
        """The largest relative error of a module beside what was cut off on purpose."""
        return max((module.error for module in self.modules), default=0.0)

    @property
    def max_limit(self) -> float:
        """The largest relative error that rounding may cause in a module; one that is 0 has none."""
        return max((module.limit for module in self.modules if module.size), default=0.0)

    @property
    def max_lost(self) -> float:
        """The largest share of a module's ‖ΔW‖ that was cut off with its rank."""
        return max((module.lost for module in self.modules), default=0.0)

    @property
    def ranks(self) -> tuple[int, int]:
        """The smallest and the largest rank of the modules with factors; (0, 0) without any."""
        found = [module.rank for module in self.modules if module.rank]
        return (min(found), max(found)) if found else (0, 0)


Metadata = Callable[[Sequence[Term], Path], tuple[dict[str, str], tuple[str, ...]]]
"""Makes the new file's metadata from the terms and its place, and remarks."""


def merge(
    terms: Sequence[Term],
    out: Path,
    *,
    rules: Callable[[str], RankRule | None] = lambda _: None,
    dialect: Dialect | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
    metadata: Metadata = merged,
    step: Callable[[], None] = lambda: None,
) -> MergeReport:
    """Write Σ strength · block weight · ΔW of the terms (opened by `open_alike`) to `out`.

    `rules` says for each block how ranks are cut. `dialect` is the first LoRA's by default, `dtype` (F16, BF16, F32)
    the parents' own, or F32 where they differ. Layers that only one LoRA has are taken from it. Where every layer has
    one parent and the weight 1, all bytes are copies. `step` is called twice per module.

    The result is verified before it gets its name: every module's ΔW, multiplied out from the new file, against the
    sum of the parents', multiplied out from theirs. BlockweightError, with nothing written: what `plan_merge` refuses,
    numbers that overflow, an `out` that is one of the parents, or may not or cannot be written.
    """
    check_new(out, *(term.lora.path for term in terms), overwrite=overwrite)
    plan = plan_merge(terms, dialect=dialect or dialect_of(terms[0].lora), rules=rules, dtype=dtype, step=step)
    texts, remarks = metadata(terms, out)
    if not plan.union:
        ranks = [module.rank for module in plan.modules if module.rank]
        texts = sized(texts, ranks, plan.alpha)
    maker = _Maker(plan)
    checks: list[tuple[MergedCheck, ...]] = []

    def check(temporary: Path) -> None:
        checks.append(check_merged(plan, temporary, maker.losses, step))
        for term in terms:
            check_unchanged(term.lora.path, term.lora.header)

    infos = [info for module in plan.modules for info in module.tensors]
    digest = write_computed(out, infos, texts, maker.make, overwrite=overwrite, check=check)
    unknown = tuple(key for term in terms for key in term.lora.unknown_keys)
    return MergeReport(out, terms[0].lora.family.name, digest, checks[0], plan.dropped, unknown, remarks)


class _Maker:
    """The bytes of every tensor of a plan. Up and down of a module come one after the other, so both are kept until
    another module is asked for. `losses` are by module's name what was cut off with its rank."""

    def __init__(self, plan: MergePlan) -> None:
        self._plan = plan
        self._module = {info.name: module for module in plan.modules for info in module.tensors}
        self._latest: tuple[str, Mapping[str, NDArray[np.float64]]] = ("", {})
        self.losses: dict[str, float] = {}

    def make(self, info: TensorInfo) -> bytes:
        module = self._module[info.name]
        if module.action == "copied":
            lora = module.parts[0].term.lora
            return b"".join(read_chunks(lora.path, lora.header, info.start, info.end))
        if self._latest[0] != module.name:
            self._latest = (module.name, self._numbers(module))
        return _rounded(info, self._latest[1][info.name])

    def _numbers(self, module: MergedModule) -> dict[str, NDArray[np.float64]]:
        if module.action == "summed":
            return {info.name: summed(module, info.name.rsplit(".", 1)[1]) for info in module.tensors}
        up, down, lost = module.factors(self._plan.alpha_of(module))
        self.losses[module.name] = lost
        return {
            f"{module.name}{UP[self._plan.dialect]}": up,
            f"{module.name}{DOWN[self._plan.dialect]}": down,
            f"{module.name}.alpha": np.asarray(self._plan.alpha_of(module)),
        }


def summed(module: MergedModule, role: str) -> NDArray[np.float64]:
    """Σ weight · the parts' tensors in this role."""
    total: NDArray[np.float64] | None = None
    for part in module.parts:
        info = part.term.lora.modules[part.module].get(role)
        if info is not None:
            values = part.term.lora.read(info).astype(np.float64) * part.weight
            total = values if total is None else total + values
    assert total is not None
    return total


def _rounded(info: TensorInfo, values: NDArray[np.float64]) -> bytes:
    kind = numpy_dtype(info.dtype)
    assert kind is not None
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        result = values.astype(kind)
    if not np.isfinite(result).all():
        raise BlockweightError(
            f"'{info.name}' would be beyond the largest number of {info.dtype}, or holds NaN or Inf; use --precision "
            "fp32, or smaller weights."
        )
    return result.tobytes()
