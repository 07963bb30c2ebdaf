"""What baking does to every module: copy it, scale it, or drop it; or why it cannot be done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from blockweight.blocks import TEXT_ENCODERS, Module
from blockweight.errors import BlockweightError
from blockweight.lora.dtypes import is_float
from blockweight.lora.file import Lora, module_name
from blockweight.lora.header import TensorInfo
from blockweight.weights import BlockWeights, Elemental, format_weight

Action = Literal["copied", "scaled", "zeroed", "dropped"]

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
        "ia3_l",
        "diff",
        "diff_b",
        "w_norm",
        "b_norm",
    )
)
"""The roles that carry a weight. ΔW is linear in each and no two of a module multiply each other: one factor of every
product (GLoRA is a sum of two). Never alpha: loaders disagree about it when it differs between modules, is 0 or is
negative, while all of them take these factors as they are."""

_NEUTRAL = {"ia3_l": 1.0}
"""Factors that change nothing at another number than 0. PEFT's IA3 multiplies the model's weight by `ia3_l`, so its
change is W · (ia3_l − 1), linear in the distance from 1 (peft/tuners/ia3/layer.py; LyCORIS's `weight` is that distance
itself)."""

_ALPHA_COUNTS = ("lora", "locon", "loha", "lokr")
"""The algorithms whose change is linear in alpha."""

_ONLY_WHOLE = {
    "oft": "it rotates the model's weights, which no factor scales in proportion",
    "dora": "it normalises the changed weights, so scaling its factors is not the same as weakening it",
    "incomplete": "tensors that belong to it are missing",
}


@dataclass(frozen=True)
class Recipe:
    """How block weights become numbers in a file.

    Every weight is multiplied by `strength`, those of text encoders by `te` instead where it is given. Where
    `elemental` meets a module, its ratio stands for the block's weight. Modules of weight 0 are dropped, or with
    `zeros` "keep" stay with a factor of zeros. `via` says what carries a weight: one "factor" of the change, or
    "alpha", which loses nothing but which not every loader reads (ALPHA_READERS). Scaled numbers keep the file's own
    format, or with `precision` "fp32" are stored as 32-bit floats.
    """

    strength: float = 1.0
    te: float | None = None
    elemental: Elemental | None = None
    zeros: Literal["drop", "keep"] = "drop"
    via: Literal["factor", "alpha"] = "factor"
    precision: Literal["keep", "fp32"] = "keep"

    def strength_of(self, module: Module) -> float:
        """The strength of the module's component."""
        return self.te if self.te is not None and module.component in TEXT_ENCODERS else self.strength


ALPHA_READERS = (
    "ComfyUI, A1111, Forge and sd-scripts read alphas that differ between blocks right; diffusers from 0.32 on gives "
    "all attention of a Stable Diffusion file the commonest alpha, and all of a text encoder one."
)
"""Who reads weights in alpha. Measured with ComfyUI 0.3.64, A1111's classes, sd-scripts and diffusers 0.31 to 0.42."""


class BlockRefusedError(BlockweightError):
    """A block that cannot take its weight; `block` is its name."""

    def __init__(self, block: str, why: str) -> None:
        super().__init__(why)
        self.block = block


@dataclass(frozen=True)
class ModulePlan:
    """One module's part in a bake. `weight` is strength × block weight (or elemental ratio); `scaled` are the tensors
    whose distance from `neutral`, the number that changes nothing, is multiplied by it, to be stored in the format
    `stored`, or their own if that is None."""

    module: Module
    block: str
    weight: float
    action: Action
    scaled: tuple[TensorInfo, ...]
    stored: str | None = None
    neutral: float = 0.0

    def format_of(self, info: TensorInfo) -> str:
        """The number format of one of the module's tensors in the baked file."""
        return info.dtype if self.stored is None or info not in self.scaled else self.stored


def plan_bake(lora: Lora, weights: BlockWeights, recipe: Recipe) -> tuple[ModulePlan, ...]:
    """Every module of the LoRA with what becomes of it: weight 1 copied, 0 dropped (or zeroed), any other scaled.

    BlockweightError, naming the blocks or the module: a strength that is not finite, blocks of the LoRA that the layout
    lacks, a module that cannot be scaled (OFT, BOFT, DoRA, incomplete, not stored as floats, or by its alpha), and
    weights that leave nothing.
    """
    check_layout(lora, weights, recipe)
    plans = tuple(plan_module(lora, module, weights, recipe) for module in lora.modules)
    if all(plan.weight == 0 for plan in plans):
        raise BlockweightError(
            f"With these weights every module of '{lora.path}' is 0, so nothing would be left to bake; "
            "leave at least one block that the LoRA has above or below 0."
        )
    return plans


def check_layout(lora: Lora, weights: BlockWeights, recipe: Recipe) -> None:
    """BlockweightError for a strength that is not finite, and blocks of the LoRA that the layout lacks."""
    for strength in (recipe.strength, 1.0 if recipe.te is None else recipe.te):
        if not math.isfinite(strength):
            raise BlockweightError(f"The strength must be a finite number, not {strength}.")
    lacking = [block for block in lora.blocks if block not in weights.layout.blocks]
    if lacking:
        raise BlockweightError(
            f"'{lora.path}' changes the blocks {', '.join(lacking)}, which the {len(weights.layout)} weights of the "
            f"layout {weights.layout.name} do not name; expand them to {lora.family.layout.name} with a fill for those."
        )


def weight_of(lora: Lora, module: Module, weights: BlockWeights, recipe: Recipe) -> float:
    """The module's weight: strength × its block's, or × the elemental ratio that meets it."""
    block = lora.block_of(module)
    met = None if recipe.elemental is None else recipe.elemental.weight(module, block)
    return recipe.strength_of(module) * (weights.weight(block) if met is None else met)


def plan_module(lora: Lora, module: Module, weights: BlockWeights, recipe: Recipe) -> ModulePlan:
    """One module's part; BlockRefusedError if it cannot take its weight."""
    block, weight = lora.block_of(module), weight_of(lora, module, weights, recipe)
    if weight == 1:
        return ModulePlan(module, block, weight, "copied", ())
    if weight == 0 and recipe.zeros == "drop":
        return ModulePlan(module, block, weight, "dropped", ())
    algorithm = lora.algorithm(module)
    if algorithm in _ONLY_WHOLE:
        raise BlockRefusedError(
            block,
            f"The module {module_name(module)} (block {block}) cannot take the weight {format_weight(weight)}: "
            f"it is of the kind '{algorithm}', and {_ONLY_WHOLE[algorithm]}; give the block 1 or 0"
            f"{' and drop what is 0' if weight == 0 else ''}.",
        )
    if recipe.via == "alpha":
        return ModulePlan(module, block, weight, "scaled", (_alpha(lora, module, block, weight),), "F32")
    roles = roles_scaled(lora.modules[module])
    scaled, neutral = tuple(roles.values()), max((_NEUTRAL.get(role, 0.0) for role in roles), default=0.0)
    for info in scaled:
        if not is_float(info.dtype):
            raise BlockRefusedError(
                block,
                f"'{info.name}' (block {block}) is stored as {info.dtype}, which cannot hold a scaled number; "
                "give the block 1 or 0, or save the LoRA in F16, BF16 or F32.",
            )
    stored = "F32" if recipe.precision == "fp32" and weight != 0 else None
    return ModulePlan(module, block, weight, "scaled" if weight else "zeroed", scaled, stored, neutral)


def _alpha(lora: Lora, module: Module, block: str, weight: float) -> TensorInfo:
    """The alpha that can carry the module's weight; BlockRefusedError if none can."""
    roles, algorithm = lora.modules[module], lora.algorithm(module)
    reason = ""
    if weight <= 0:
        reason = "an alpha of 0 or below is misread (sd-scripts and LyCORIS take 0 for full strength, diffusers hangs)"
    elif algorithm not in _ALPHA_COUNTS or {"lokr_w1", "lokr_w2"} <= roles.keys():
        reason = f"loaders ignore the alpha of its kind, '{algorithm}'"
    elif "alpha" not in roles:
        reason = "it has no alpha, and one for some modules would change the others in diffusers"
    elif not is_float(roles["alpha"].dtype):
        reason = f"its alpha is stored as {roles['alpha'].dtype}"
    if reason:
        raise BlockRefusedError(
            block,
            f"The module {module_name(module)} (block {block}) cannot take the weight {format_weight(weight)} by its "
            f"alpha: {reason}; leave out --via alpha.",
        )
    return roles["alpha"]


def roles_scaled(roles: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    """Those of a module's tensors that carry a weight, by role."""
    return {role: info for role, info in roles.items() if role in SCALED_ROLES}
