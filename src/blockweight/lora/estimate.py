"""What a bake would give, before it is made: the size of the file, its precision, and how long it takes."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blockweight.blocks import family_by_name
from blockweight.lora.bake import scaled_bytes
from blockweight.lora.bake_blocks import BlockPart, plan_blocks
from blockweight.lora.bake_plan import ModulePlan, Recipe, check_layout
from blockweight.lora.dtypes import numpy_dtype, rounding
from blockweight.lora.file import Lora, open_lora
from blockweight.lora.header import TensorInfo, in_format
from blockweight.weights import BlockWeights

SAMPLE_BYTES = 32 * 1024 * 1024
"""How much of the scaled tensors is tried out: every n-th of them, so that all blocks have a part."""

_PASSES = 3.0
"""Reading and hashing the source, writing, reading back: each of about the cost of hashing the bytes."""


@dataclass(frozen=True)
class Estimate:
    """`data_bytes` of tensors in the new file, beside `source_bytes` now; `seconds` on this machine; `max_error`, the
    largest relative rounding error (Frobenius) of a scaled factor among the `tried` of `scaled` tensors tried out."""

    source_bytes: int
    data_bytes: int
    seconds: float
    max_error: float
    tried: int
    scaled: int
    blocks: tuple[BlockPart, ...]

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "source_bytes": self.source_bytes,
            "data_bytes": self.data_bytes,
            "seconds": round(self.seconds, 2),
            "max_relative_error": self.max_error,
            "tried": self.tried,
            "scaled": self.scaled,
            "blocks": {each.block: each.facts() for each in self.blocks},
        }


def estimate_bake(source: Path, weights: BlockWeights, recipe: Recipe = Recipe()) -> Estimate:
    """What `bake` with the same arguments would give. Modules that it would refuse are reported, not raised.

    The size is exact, but for the header; time and precision come from trying out a sample of the scaled tensors.
    BlockweightError for a file that cannot be read, blocks that the layout lacks, and a sample that cannot be scaled.
    """
    lora = open_lora(source, family_by_name(weights.layout.family))
    check_layout(lora, weights, recipe)
    plans, blocks = plan_blocks(lora, weights, recipe)
    scaled = [(plan, info) for plan in plans if plan.weight for info in plan.scaled]
    sample = _sample(scaled)
    started = time.perf_counter()
    errors = [_rounding_error(lora, plan, info) for plan, info in sample]
    spent = time.perf_counter() - started
    share = sum(info.size for _, info in scaled) / max(sum(info.size for _, info in sample), 1)
    size = _data_size(lora, plans)
    seconds = spent * share + _PASSES * (lora.header.file_size + size) / _bytes_a_second()
    return Estimate(lora.header.file_size, size, seconds, max(errors, default=0.0), len(sample), len(scaled), blocks)


def _sample(scaled: list[tuple[ModulePlan, TensorInfo]]) -> list[tuple[ModulePlan, TensorInfo]]:
    total = sum(info.size for _, info in scaled)
    return scaled[:: max(-(-total // SAMPLE_BYTES), 1)]


def _rounding_error(lora: Lora, plan: ModulePlan, info: TensorInfo) -> float:
    """‖rounded − exact‖ / ‖exact‖ of one scaled factor; alphas, which are single numbers, only by their format."""
    if info.size <= 8:
        return rounding(plan.format_of(info))[0]
    made = np.frombuffer(scaled_bytes(lora, plan, info), numpy_dtype(plan.format_of(info))).astype(np.float64)
    change = (lora.read(info).astype(np.float64).reshape(-1) - plan.neutral) * plan.weight
    size, exact = float(np.linalg.norm(change)), plan.neutral + change
    return float(np.linalg.norm(made - exact)) / size if size else 0.0


def _data_size(lora: Lora, plans: tuple[ModulePlan, ...]) -> int:
    dropped = {info.name for plan in plans if plan.action == "dropped" for info in lora.modules[plan.module].values()}
    wider = {info.name: in_format(info, plan.format_of(info)).size for plan in plans for info in plan.scaled}
    return sum(wider.get(info.name, info.size) for info in lora.header.tensors if info.name not in dropped)


def _bytes_a_second() -> float:
    block = bytes(4 * 1024 * 1024)
    started = time.perf_counter()
    hashlib.sha256(block).digest()
    return len(block) / (time.perf_counter() - started)
