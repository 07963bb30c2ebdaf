"""A LoRA's blocks and what baking would do to each, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.blocks import REST
from blockweight.lora import Estimate, Recipe, estimate_bake, open_lora
from blockweight.weights import format_weight, uniform
from blockweight.workflow.baking import Typed, baked_name


@dataclass(frozen=True)
class PreviewedBlock:
    """One block: the LoRA's modules in it (0 for a block that it lacks), the weight as text, and what becomes of the
    modules (`refused`, with the reason; empty for none)."""

    block: str
    modules: int
    weight: str
    action: str
    reason: str


@dataclass(frozen=True)
class BakePreview:
    """The LoRA's family and layout by name, its model's `blocks` in order (REST last, where there is any), the weights
    as `NAME:1,0,…`, the blocks that took the fill, the estimate, the bytes of the LoRA's tensors now, and the file's
    name that `bake` would choose."""

    family: str
    layout: str
    weights: str
    filled: tuple[str, ...]
    blocks: tuple[PreviewedBlock, ...]
    estimate: Estimate
    tensor_bytes: int
    file: str

    @property
    def refused(self) -> tuple[str, ...]:
        """Why it cannot be baked, a sentence each; empty where it can."""
        return tuple(dict.fromkeys(block.reason for block in self.blocks if block.reason))


def preview_bake(source: Path, typed: Typed, recipe: Recipe = Recipe()) -> BakePreview:
    """What `bake_text` with the same arguments would do; without weights, what it would do with every block at 1.

    BlockweightError for a file that cannot be read, and weights that do not fit it.
    """
    lora = open_lora(source)
    layout = lora.family.layout
    if not typed.weights.strip():
        typed = replace(typed, weights=uniform(source.stem, layout, 1.0).text(), fill=None)
    weights, filled, whole = typed.read(source, recipe)
    estimate = estimate_bake(source, weights, whole)
    found = {each.block: each for each in estimate.blocks}
    rows = []
    for block in (*weights.layout.blocks, REST):
        each = found.get(block)
        if each is not None:
            weight = format_weight(weights.weight(block))
            rows.append(PreviewedBlock(block, each.modules, weight, each.action, each.reason))
        elif block != REST:
            rows.append(PreviewedBlock(block, 0, format_weight(weights.weight(block)), "", ""))
    file = baked_name(source, weights, recipe.strength).name
    size = sum(info.size for info in lora.header.tensors)
    return BakePreview(lora.family.title, layout.name, weights.text(), filled, tuple(rows), estimate, size, file)
