"""How far two LoRAs pull the same way: the cosine of their changes, block by block, from ranks × ranks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.lora.file import module_name
from blockweight.lora.products import size_of
from blockweight.lora.terms import Term, same_layers


@dataclass(frozen=True)
class BlockConflict:
    """Two LoRAs in one block, strengths and block weights included, over the layers that either changes.

    `shared` counts the layers that both change, `layers` all of them. `norms` are ‖ΔW‖ (Frobenius) of each, `together`
    that of the sum. `cosine` is ⟨ΔWₐ, ΔW_b⟩ / (‖ΔWₐ‖·‖ΔW_b‖), from −1 (they cancel) over 0 (they do not touch each
    other) to 1 (they add up), None where one of them changes nothing.
    """

    block: str
    shared: int
    layers: int
    norms: tuple[float, float]
    cosine: float | None
    together: float


def conflicts(first: Term, second: Term, step: Callable[[], None] = lambda: None) -> tuple[BlockConflict, ...]:
    """Every block that either LoRA changes, in the family's order (REST last), and under the name `all` their total.

    No ΔW is multiplied out: ⟨LR, L'R'⟩ = Σ (LᵀL') ∘ (RR'ᵀ). BlockweightError for modules that are no product of factors
    (see `product_of`), and layers of different sizes.
    """
    sums: dict[str, _Sums] = {}
    for parts in same_layers((first, second)).values():
        block = parts[0][0].lora.block_of(parts[0][1])
        products = [term.product(module).scaled(term.weight(module)) for term, module in parts]
        if len({size_of(product.shape) for product in products}) > 1:
            raise BlockweightError(
                f"The layer {module_name(parts[0][1])} has another size in '{first.lora.path}' than in "
                f"'{second.lora.path}': they were made for different models, so they cannot be compared."
            )
        both = len(parts) == 2 and first is not second
        for name in (block, "all"):
            total = sums.setdefault(name, _Sums())
            total.layers += 1
            total.shared += both
            for (term, _), product in zip(parts, products, strict=True):
                total.squares[term is second] += product.norm() ** 2
        if both:
            inner = products[0].inner(products[1])
            for name in (block, "all"):
                sums[name].inner += inner
        step()
    order = (*first.lora.family.layout.blocks, *second.lora.family.layout.blocks, REST, "all")
    return tuple(sums[block].of(block) for block in dict.fromkeys(order) if block in sums)


class _Sums:
    """Counts, squares of norms, and inner products added up."""

    def __init__(self) -> None:
        self.shared = self.layers = 0
        self.squares = [0.0, 0.0]
        self.inner = 0.0

    def of(self, block: str) -> BlockConflict:
        one, other = map(math.sqrt, self.squares)
        # Rounding may bring equal changes a hair beyond 1.
        cosine = min(1.0, max(-1.0, self.inner / (one * other))) if one and other else None
        together = math.sqrt(max(sum(self.squares) + 2 * self.inner, 0.0))
        return BlockConflict(block, self.shared, self.layers, (one, other), cosine, together)
