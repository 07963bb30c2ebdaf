"""The change ΔW of a file's module as a product of two thin matrices, exactly, for every algorithm that has one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Change, change_of
from blockweight.lora.file import Lora, module_name
from blockweight.lora.layer_names import layer_of

Matrix = NDArray[np.float64]

PRODUCTS = ("lora", "locon", "loha", "lokr")
"""The algorithms whose change is a product of factors."""

_THREE_BY_THREE = ("conv1", "conv2", ".conv", "conv_in", "conv_out")

_WITH_MORE = ("lora_up_bias", "diff_b", "diff")


@dataclass(frozen=True, eq=False)
class Product:
    """ΔW = scale · left · right, reshaped to `shape`: (out, in), or (out, in, kh, kw) for a convolution.

    `left` is (out, rank), `right` (rank, in · kh · kw), both float64.
    """

    left: Matrix
    right: Matrix
    shape: tuple[int, ...]
    scale: float

    @property
    def rank(self) -> int:
        """Columns of `left`: an upper bound of ΔW's rank."""
        return int(self.left.shape[1])

    def scaled(self, weight: float) -> Product:
        """weight · ΔW."""
        return replace(self, scale=self.scale * weight)

    def norm(self) -> float:
        """‖ΔW‖ (Frobenius), by ‖LR‖² = ⟨LᵀL, RRᵀ⟩: rank × rank instead of the full matrix."""
        return abs(self.scale) * float(np.sqrt(max(_dot(self, self), 0.0)))

    def inner(self, other: Product) -> float:
        """⟨ΔW, ΔW'⟩, the sum over all entries of their products, by ranks × ranks; the shapes must be alike."""
        return self.scale * other.scale * _dot(self, other)

    def rows(self, start: int, end: int) -> Matrix:
        """The rows of ΔW from `start` to `end`, as a matrix."""
        return (self.left[start:end] * self.scale) @ self.right


def _dot(one: Product, other: Product) -> float:
    return float(((one.left.T @ other.left) * (one.right @ other.right.T)).sum())


def size_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """What two changes of one layer have in common: (out, in) of a linear layer or a 1×1 convolution, which can stand
    for each other; other kernels whole."""
    return shape[:2] if set(shape[2:]) <= {1} else shape


def change_in(lora: Lora, module: Module, *, beside: bool = False) -> Change:
    """The change of a LoRA, LoCon, LoHa or LoKr module by its format's formula, in float64.
    With `beside` the module may change a bias too (`diff_b`), which is not in it.

    BlockweightError for every other algorithm, for a module that changes a bias too, and for damaged tensors.
    """
    name, algorithm = module_name(module), lora.algorithm(module)
    roles = lora.modules[module]
    more = next((role for role in _WITH_MORE if role in roles and not (beside and role == "diff_b")), None)
    if algorithm not in PRODUCTS or more is not None:
        what = f"changes more than a weight ('{roles[more].name}')" if more else f"is of the kind '{algorithm}'"
        raise BlockweightError(
            f"The module {name} of '{lora.path}' {what}, which is no product of factors; give its block "
            f"{lora.block_of(module)} the weight 0."
        )
    return change_of(f"{name} of '{lora.path}'", algorithm, lora.arrays(module))


def product_of(lora: Lora, module: Module, *, beside: bool = False) -> Product:
    """The change of a LoRA, LoCon, LoHa or LoKr module as a product; `beside` and BlockweightError as in `change_in`.

    LoHa's Hadamard product of two products of ranks p and q is one of rank p·q; LoKr's Kronecker product of matrices of
    ranks p and q is one of rank p·q (a factor that is stored whole counts by its shorter side). A Tucker core is
    multiplied into the right factor.
    """
    change = change_in(lora, module, beside=beside)
    left, right = (matrix.astype(np.float64, copy=False) for matrix in change.thin())
    product = Product(left, right, change.shape, change.scale)
    return product if change.joined == "alone" else _with_kernel(module, product)


def _with_kernel(module: Module, product: Product) -> Product:
    """LoHa and LoKr without cores store a 3×3 convolution as a matrix; the layer's name tells."""
    layer = layer_of(module)
    out, inputs, *kernel = product.shape
    if kernel or layer is None or inputs % 9 or not layer.name.endswith(_THREE_BY_THREE):
        return product
    return replace(product, shape=(out, inputs // 9, 3, 3))
