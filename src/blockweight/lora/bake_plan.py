"""What baking does to every module: copy it, scale it, or drop it; or why it cannot be done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.dtypes import is_float
from blockweight.lora.file import Lora, module_name
from blockweight.lora.header import TensorInfo
from blockweight.weights import BlockWeights, Elemental, format_weight

Action = Literal["copied", "scaled", "dropped"]

SCALED_ROLES = frozenset(
    (
        "lora_up",
        "lora_up_bias",
        "hada_w1_a",
        "lokr_w1",
        "lokr_w1_a",
        "glora_a1",
        "glora_b1",
        "ia3_weight",
        "diff",
        "diff_b",
        "w_norm",
        "b_norm",
    )
)
"""The roles that carry a weight. ΔW is linear in each and no two of a module multiply each other: one factor of every
product (GLoRA is a sum of two). Never alpha: loaders disagree about it when it differs between modules, is 0 or is
negative, while all of them take these factors as they are."""

_ONLY_WHOLE = {
    "oft": "it rotates the model's weights, which no factor scales in proportion",
    "dora": "it normalises the changed weights, so scaling its factors is not the same as weakening it",
    "incomplete": "tensors that belong to it are missing",
}


@dataclass(frozen=True)
class ModulePlan:
    """One module's part in a bake. `weight` is strength × block weight (or elemental ratio); `scaled` are the tensors
    to multiply by it."""

    module: Module
    block: str
    weight: float
    action: Action
    scaled: tuple[TensorInfo, ...]


def plan_bake(
    lora: Lora, weights: BlockWeights, strength: float, elemental: Elemental | None = None
) -> tuple[ModulePlan, ...]:
    """Every module of the LoRA with what becomes of it: weight 1 copied, 0 dropped, any other scaled. Where `elemental`
    meets a module, its ratio stands for the block's weight.

    BlockweightError, naming the blocks or the module: a strength that is not finite, blocks of the LoRA that the layout
    lacks, a module that cannot be scaled (OFT, BOFT, DoRA, incomplete, not stored as floats), and weights that leave
    nothing.
    """
    if not math.isfinite(strength):
        raise BlockweightError(f"The strength must be a finite number, not {strength}.")
    lacking = [block for block in lora.blocks if block not in weights.layout.blocks]
    if lacking:
        raise BlockweightError(
            f"'{lora.path}' changes the blocks {', '.join(lacking)}, which the {len(weights.layout)} weights of the "
            f"layout {weights.layout.name} do not name; expand them to {lora.family.layout.name} with a fill for those."
        )
    plans = tuple(_plan(lora, module, weights, strength, elemental) for module in lora.modules)
    if all(plan.action == "dropped" for plan in plans):
        raise BlockweightError(
            f"With these weights every module of '{lora.path}' is 0, so nothing would be left to bake; "
            "leave at least one block that the LoRA has above or below 0."
        )
    return plans


def roles_scaled(roles: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    """Those of a module's tensors that carry a weight, by role."""
    return {role: info for role, info in roles.items() if role in SCALED_ROLES}


def _plan(
    lora: Lora, module: Module, weights: BlockWeights, strength: float, elemental: Elemental | None
) -> ModulePlan:
    block = lora.block_of(module)
    met = None if elemental is None else elemental.weight(module, block)
    weight = strength * (weights.weight(block) if met is None else met)
    if weight == 1:
        return ModulePlan(module, block, weight, "copied", ())
    if weight == 0:
        return ModulePlan(module, block, weight, "dropped", ())
    algorithm = lora.algorithm(module)
    if algorithm in _ONLY_WHOLE:
        raise BlockweightError(
            f"The module {module_name(module)} (block {block}) cannot take the weight {format_weight(weight)}: "
            f"it is of the kind '{algorithm}', and {_ONLY_WHOLE[algorithm]}; give the block 1 or 0."
        )
    scaled = tuple(roles_scaled(lora.modules[module]).values())
    for info in scaled:
        if not is_float(info.dtype):
            raise BlockweightError(
                f"'{info.name}' (block {block}) is stored as {info.dtype}, which cannot hold a scaled number; "
                "give the block 1 or 0, or save the LoRA in F16, BF16 or F32."
            )
    return ModulePlan(module, block, weight, "scaled", scaled)
