"""What a bake does to each block: copies, scales or drops its modules, or refuses, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from blockweight.blocks import REST
from blockweight.lora.bake_plan import BlockRefusedError, ModulePlan, Recipe, plan_module, weight_of
from blockweight.lora.file import Lora
from blockweight.weights import BlockWeights, plain_number


@dataclass(frozen=True)
class BlockPart:
    """One block's part in a bake: how many modules, the weight that they take (None where they differ), and the action
    of `ModulePlan`, `mixed` where they differ, or `refused` with the reason."""

    block: str
    modules: int
    weight: float | None
    action: str
    reason: str = ""

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON; `reason` only where there is one."""
        weight = None if self.weight is None else plain_number(self.weight)
        facts: dict[str, object] = {"modules": self.modules, "weight": weight, "action": self.action}
        return facts | {"reason": self.reason} if self.reason else facts


def block_part(block: str, weights: Collection[float], actions: Iterable[str], reason: str = "") -> BlockPart:
    """A block's part from its modules' weights and actions; refused as a whole where there is a reason."""
    different, done = set(weights), set(actions)
    weight = different.pop() if len(different) == 1 else None
    action = "refused" if reason else done.pop() if len(done) == 1 else "mixed"
    return BlockPart(block, len(weights), weight, action, reason)


def plan_blocks(
    lora: Lora, weights: BlockWeights, recipe: Recipe
) -> tuple[tuple[ModulePlan, ...], tuple[BlockPart, ...]]:
    """The modules that can take their weights with what becomes of them, and every block that the LoRA has, in the
    layout's order, REST last. What `plan_bake` would refuse is reported, not raised."""
    plans: list[ModulePlan] = []
    reasons: dict[str, str] = {}
    taken: dict[str, list[float]] = {}
    for module in lora.modules:
        taken.setdefault(lora.block_of(module), []).append(weight_of(lora, module, weights, recipe))
        try:
            plans.append(plan_module(lora, module, weights, recipe))
        except BlockRefusedError as error:
            reasons.setdefault(error.block, str(error))
    actions: dict[str, set[str]] = {}
    for plan in plans:
        actions.setdefault(plan.block, set()).add(plan.action)
    parts = (
        block_part(block, taken[block], actions.get(block, ()), reasons.get(block, ""))
        for block in (*weights.layout.blocks, REST)
        if block in taken
    )
    return tuple(plans), tuple(parts)
