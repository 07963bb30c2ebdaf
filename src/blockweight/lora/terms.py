"""The terms of a sum of LoRAs: a file, how strongly it counts, and which of its modules stand for the same layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import Family, Module, detect_family, recognises
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Change
from blockweight.lora.file import Lora, open_lora, read_modules
from blockweight.lora.layer_names import FAMILIES, Layer, layer_of
from blockweight.lora.products import Product, change_in, product_of
from blockweight.weights import BlockWeights


@dataclass(frozen=True, eq=False)
class Term:
    """strength × block weights × one LoRA. Without weights every block counts 1."""

    lora: Lora
    strength: float = 1.0
    weights: BlockWeights | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.strength):
            raise BlockweightError(f"The strength must be a finite number, not {self.strength}.")
        if self.weights is None:
            return
        lacking = [block for block in self.lora.blocks if block not in self.weights.layout.blocks]
        if lacking:
            raise BlockweightError(
                f"'{self.lora.path}' changes the blocks {', '.join(lacking)}, which the {len(self.weights.layout)} "
                f"weights of the layout {self.weights.layout.name} do not name; give all of them."
            )

    def weight(self, module: Module) -> float:
        """strength × the weight of the module's block."""
        own = 1.0 if self.weights is None else self.weights.weight(self.lora.block_of(module))
        return self.strength * own

    def product(self, module: Module, *, beside: bool = False) -> Product:
        """The module's change at weight 1 as a product. `beside` and BlockweightError as in `product_of`."""
        return product_of(self.lora, module, beside=beside)

    def change(self, module: Module, *, beside: bool = False) -> Change:
        """The module's change at weight 1 by its format's formula: what a product of it is checked against."""
        return change_in(self.lora, module, beside=beside)


Identity = Layer | Module
"""What modules of the same layer have in common, whatever dialect their files are in."""


def identity(family: Family, module: Module) -> Identity:
    """The layer of SD's families; elsewhere the path, with one name for every denoiser, because some dialects say
    `unet` for all of them."""
    if family.name in FAMILIES and (layer := layer_of(module)):
        return layer
    return Module("unet", module.path) if module.component == "transformer" else module


def open_alike(paths: Sequence[Path], wanted: Family | None = None) -> tuple[Lora, ...]:
    """Open LoRAs that are to be added. Their family is that of all of them together, which the keys of a single one may
    leave open: one block of a LoRA, or what stands in none. BlockweightError if they are not of one family, or not of
    the one wanted."""
    if len(paths) == 1:
        return (open_lora(paths[0], wanted),)
    read = [read_modules(path) for path in paths]
    together = [module for _, modules, _ in read for module in modules]
    found = [detect_family(modules) for _, modules, _ in read]
    likely = {family.name: family for family in (detect_family(together), *found) if family is not None}
    if wanted is not None:
        likely = {wanted.name: wanted}
    family = next((family for family in likely.values() if recognises(family, together)), None)
    if family is None:
        seen = ", ".join(
            f"'{path}' {f'of {each.title}' if each else 'of none that is known'}"
            for path, each in zip(paths, found, strict=True)
        )
        one = "one family" if wanted is None else wanted.title
        raise BlockweightError(
            f"The LoRAs are not of one family, so their layers have nothing in common ({seen}); choose LoRAs of {one}."
        )
    return tuple(
        Lora(path, header, family.fitted(modules), modules, unknown)
        for path, (header, modules, unknown) in zip(paths, read, strict=True)
    )


def same_layers(terms: Sequence[Term]) -> dict[Identity, tuple[tuple[Term, Module], ...]]:
    """Every layer that any term changes with a weight other than 0: the terms that do, with their own module for it.

    BlockweightError for a LoRA that names one layer in two ways.
    """
    found: dict[Identity, list[tuple[Term, Module]]] = {}
    for term in terms:
        seen: dict[Identity, Module] = {}
        for module in term.lora.modules:
            layer = identity(term.lora.family, module)
            if layer in seen:
                raise BlockweightError(
                    f"'{term.lora.path}' changes one layer under two names, {seen[layer].path} and {module.path}; "
                    "remove one of them."
                )
            seen[layer] = module
            if term.weight(module) != 0:
                found.setdefault(layer, []).append((term, module))
    return {layer: tuple(parts) for layer, parts in found.items()}
