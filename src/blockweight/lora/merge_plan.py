"""What merging makes of every layer: its change copied, added up as a product of higher rank, cut to a lower one, or
added up number by number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Change
from blockweight.lora.dialects import DOWN, UP, Dialect, is_in, name_in, own_name
from blockweight.lora.dtypes import is_float
from blockweight.lora.file import module_name
from blockweight.lora.header import TensorInfo, new_tensor
from blockweight.lora.products import PRODUCTS, Matrix, Product, size_of
from blockweight.lora.shrink import RankRule, shrink, singular_values
from blockweight.lora.terms import Term, identity, same_layers
from blockweight.weights import format_weight

MergeAction = Literal["copied", "joined", "shrunk", "summed"]

_WHOLE = ("full", "norm")
"""Algorithms whose tensors are the change itself, so that sums of them are sums of numbers."""

_WHOLE_ROLES = frozenset(("diff", "diff_b", "w_norm", "b_norm"))
PRECISIONS = {"fp16": "F16", "bf16": "BF16", "fp32": "F32"}


@dataclass(frozen=True, eq=False)
class Part:
    """One term's share in a layer: its own module there, and strength × block weight."""

    term: Term
    module: Module
    weight: float

    def product(self) -> Product:
        """weight · ΔW."""
        return self.term.product(self.module).scaled(self.weight)

    def change(self) -> Change:
        """The same by its format's formula."""
        return self.term.change(self.module).scaled(self.weight)


@dataclass(frozen=True, eq=False)
class MergedModule:
    """One module of the result.

    `rank` is that of its factors (0 where it has none); `full_rank` is the sum of its parts' ranks, before it is cut.
    `shape` is that of ΔW. `tensors` are those to be written.
    """

    name: str
    block: str
    action: MergeAction
    parts: tuple[Part, ...]
    rank: int = 0
    full_rank: int = 0
    shape: tuple[int, ...] = ()
    tensors: tuple[TensorInfo, ...] = ()

    def total(self) -> Product:
        """Σ weight · ΔW of the parts as one product, whose rank is the sum of theirs."""
        products = [part.product() for part in self.parts]
        if len(products) == 1:
            return replace(products[0], shape=self.shape)
        left = np.concatenate([product.left * product.scale for product in products], axis=1)
        right = np.concatenate([product.right for product in products])
        return Product(left, right, self.shape, 1.0)

    def factors(self, alpha: float) -> tuple[Matrix, Matrix, float]:
        """What goes into the file, (up, down, ‖what is cut off‖), such that ΔW = alpha / rank · up · down."""
        inside = self.rank / alpha
        if self.action == "shrunk":
            cut = shrink(self.total(), self.rank)
            return cut.left * np.sqrt(inside), cut.right * np.sqrt(inside), cut.lost
        ups, downs = [], []
        for product in (part.product() for part in self.parts):
            shift = _shared(product.scale * inside)
            ups.append(product.left * (product.scale * inside * shift))
            downs.append(product.right / shift)
        return np.concatenate(ups, axis=1), np.concatenate(downs), 0.0


def _shared(scale: float) -> float:
    """What up leaves to down of a small scale: the power of two next to its root, 1 for a scale of at least 1/8. All in
    up, a small alpha would push fp16's numbers below its normal range, where digits get lost."""
    return 1.0 if scale == 0 or abs(scale) >= 1 / 8 else 2.0 ** round(-math.log2(abs(scale)) / 2)


@dataclass(frozen=True, eq=False)
class MergePlan:
    """All modules of the result, those of kind joined and shrunk with one `alpha` in all of them.

    One alpha for all, because diffusers gives every attention layer of a kohya file the file's most common one; PEFT's
    files have none, and alpha is each module's own rank (`alpha` is None). `dtype` is the format of new numbers. With
    `union` nothing is added up anywhere, and all bytes are copies. `dropped` are layers that have the weight 0.
    """

    terms: tuple[Term, ...]
    dialect: Dialect
    dtype: str
    alpha: float | None
    modules: tuple[MergedModule, ...]
    dropped: int

    @property
    def union(self) -> bool:
        """Whether every module is a copy."""
        return all(module.action == "copied" for module in self.modules)

    def alpha_of(self, module: MergedModule) -> float:
        """The alpha that makes the module's change out of its factors."""
        return float(module.rank) if self.alpha is None else self.alpha


def plan_merge(
    terms: Sequence[Term],
    *,
    dialect: Dialect,
    rules: Callable[[str], RankRule | None],
    dtype: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> MergePlan:
    """What becomes of every layer that the terms change. `rules` says by block how to cut ranks (None: not at all);
    `dtype` is the format of new numbers, by default the parents' own, or F32 where they differ. `step` is called once
    per layer.

    BlockweightError, naming the module: layers of different sizes, kinds that cannot be added (OFT, DoRA, GLoRA, IA³
    with a weight other than 1 or beside others, LoHa and LoKr of a rank that takes more room than the matrix), and
    weights that leave nothing.
    """
    layers = same_layers(terms)
    if not layers:
        raise BlockweightError(
            "With these weights every module is 0, so nothing would be left; leave at least one block above or below 0."
        )
    dropped = len(
        {identity(term.lora.family, module) for term in terms for module in term.lora.modules} - layers.keys()
    )
    sketches = [_sketch(layer_parts, dialect) for layer_parts in layers.values()]
    if dtype is None and all(_copyable(sketch) and rules(sketch.block) is None for sketch in sketches):
        copies = []
        for sketch in sketches:
            copies.append(_copied(sketch))
            step()
        return MergePlan(tuple(terms), dialect, "F32", None, tuple(copies), dropped)
    number = dtype or _common_format(terms)
    modules, alpha = [], 0.0
    for sketch in sketches:
        module, own = _planned(sketch, rules(sketch.block))
        modules.append(module)
        alpha = max(alpha, own)
        step()
    uniform = None if dialect == "peft" else float(np.float32(alpha or 1.0))
    placed = tuple(_with_tensors(module, dialect, number, alpha=uniform is not None) for module in modules)
    _check_names(placed)
    return MergePlan(tuple(terms), dialect, number, uniform, placed, dropped)


def _sketch(layer_parts: Sequence[tuple[Term, Module]], dialect: Dialect) -> MergedModule:
    term, module = layer_parts[0]
    name = name_in(dialect, term.lora.family, term.lora, module)
    parts = tuple(Part(term, module, term.weight(module)) for term, module in layer_parts)
    return MergedModule(name, term.lora.block_of(module), "joined", parts)


def _copyable(sketch: MergedModule) -> bool:
    part = sketch.parts[0]
    # PEFT's settings do not come along, so what they scale cannot be copied.
    kept = part.term.lora.settings_alpha(part.module) is None
    return len(sketch.parts) == 1 and part.weight == 1 and kept and _keeps_its_name(sketch)


def _copied(sketch: MergedModule) -> MergedModule:
    part = sketch.parts[0]
    return replace(sketch, action="copied", tensors=tuple(part.term.lora.modules[part.module].values()))


def _planned(sketch: MergedModule, rule: RankRule | None) -> tuple[MergedModule, float]:
    """The module without its tensors, and the alpha that its numbers would like best: what keeps them as they are."""
    kinds = [part.term.lora.algorithm(part.module) for part in sketch.parts]
    if all(kind in _WHOLE for kind in kinds):
        return replace(sketch, action="summed"), 0.0
    if _copyable(sketch) and rule is None and kinds[0] not in ("lora", "locon"):
        return _copied(sketch), 0.0
    if any(kind not in PRODUCTS for kind in kinds):
        if _copyable(sketch):
            return _copied(sketch), 0.0
        raise _cannot_be_added(sketch, kinds)
    products = [part.term.product(part.module) for part in sketch.parts]
    shape = _common_shape(sketch, products)
    for part, product, kind in zip(sketch.parts, products, kinds, strict=True):
        if kind in ("loha", "lokr") and rule is None and _too_large(product):
            raise BlockweightError(
                f"The module {module_name(part.module)} of '{part.term.lora.path}' is of the kind '{kind}' and has the "
                f"rank {product.rank}, which would take more room than the whole matrix; give --rank, or merge it into "
                "a checkpoint and extract a LoRA from that."
            )
    full = sum(product.rank for product in products)
    sized = replace(sketch, rank=full, full_rank=full, shape=shape)
    kept = full
    if rule is not None:
        rows, columns = products[0].left.shape[0], products[0].right.shape[1]
        kept = rule.kept(min(full, rows, columns), lambda: singular_values(sized.total()))
    if kept < full:
        return replace(sized, action="shrunk", rank=kept), float(kept)
    return sized, max(abs(product.scale) for product in products) * full


def _too_large(product: Product) -> bool:
    rows, columns = product.left.shape[0], product.right.shape[1]
    return bool(product.rank * (rows + columns) > rows * columns)


def _common_shape(sketch: MergedModule, products: Sequence[Product]) -> tuple[int, ...]:
    """The shape that the layer's changes have; the longest way to write it, as a convolution's."""
    shapes = [product.shape for product in products]
    for part, shape in zip(sketch.parts, shapes, strict=True):
        if size_of(shape) != size_of(shapes[0]):
            first, other = ("×".join(map(str, shape)) for shape in (shapes[0], shape))
            raise BlockweightError(
                f"The layer {module_name(part.module)} is {first} in '{sketch.parts[0].term.lora.path}' and {other} in "
                f"'{part.term.lora.path}': they were made for different models, so they cannot be added."
            )
    return max(shapes, key=len)


def _cannot_be_added(sketch: MergedModule, kinds: Sequence[str]) -> BlockweightError:
    part, kind = next((part, kind) for part, kind in zip(sketch.parts, kinds, strict=True) if kind not in PRODUCTS)
    where = f"The module {module_name(part.module)} of '{part.term.lora.path}' (block {sketch.block})"
    if len(sketch.parts) > 1:
        return BlockweightError(
            f"{where} is of the kind '{kind}', which cannot be added exactly to another LoRA's change of the layer; "
            "give the block the weight 0 in one of them."
        )
    if not _keeps_its_name(sketch):
        return BlockweightError(
            f"{where} is of the kind '{kind}', which has no name in the other dialect; keep its own."
        )
    return BlockweightError(
        f"{where} is of the kind '{kind}' and takes only the weights 1 and 0 here, not {format_weight(part.weight)}; "
        "give one of these, or bake it first where 'lora bake' can."
    )


def _keeps_its_name(sketch: MergedModule) -> bool:
    """Whether the only part's own name is the one planned."""
    part = sketch.parts[0]
    return own_name(part.term.lora, part.module) == sketch.name


def _common_format(terms: Sequence[Term]) -> str:
    found = {
        info.dtype
        for term in terms
        for roles in term.lora.modules.values()
        for role, info in roles.items()
        if role != "alpha" and is_float(info.dtype)
    }
    # fp8 is too coarse for anything but copies.
    usual = {"F16" if dtype.startswith("F8") else dtype for dtype in found}
    return usual.pop() if len(usual) == 1 and usual <= set(PRECISIONS.values()) else "F32"


def _with_tensors(module: MergedModule, dialect: Dialect, dtype: str, *, alpha: bool) -> MergedModule:
    if module.action == "copied":
        return module
    if module.action == "summed":
        return replace(module, tensors=_summed_tensors(module, dtype))
    out, inputs, *kernel = module.shape
    ones = (1,) * len(kernel)
    made = [
        new_tensor(f"{module.name}{DOWN[dialect]}", dtype, (module.rank, inputs, *kernel)),
        new_tensor(f"{module.name}{UP[dialect]}", dtype, (out, module.rank, *ones)),
    ]
    if alpha:
        made.append(new_tensor(f"{module.name}.alpha", "F32", ()))
    return replace(module, tensors=tuple(made))


def _summed_tensors(module: MergedModule, dtype: str) -> tuple[TensorInfo, ...]:
    shapes: dict[str, tuple[int, ...]] = {}
    for part in module.parts:
        for role, info in part.term.lora.modules[part.module].items():
            if role not in _WHOLE_ROLES:
                if role == "alpha":
                    continue  # loaders ignore it beside a whole difference
                raise BlockweightError(
                    f"The module {module_name(part.module)} of '{part.term.lora.path}' has '{info.name}' beside a "
                    "whole difference, and programs disagree on what that means; give its block the weight 0."
                )
            if shapes.setdefault(role, info.shape) != info.shape:
                raise BlockweightError(
                    f"'{info.name}' has another shape in '{part.term.lora.path}' than in the other LoRA: they were "
                    "made for different models, so they cannot be added."
                )
    return tuple(new_tensor(f"{module.name}.{role}", dtype, shape) for role, shape in shapes.items())


def _check_names(modules: Sequence[MergedModule]) -> None:
    names = [info.name for module in modules for info in module.tensors]
    if len(set(names)) < len(names) or len({is_in("peft", module.name) for module in modules}) > 1:
        raise BlockweightError(
            "The LoRAs name their layers in different ways; convert them to one dialect (blockweight lora convert)."
        )
