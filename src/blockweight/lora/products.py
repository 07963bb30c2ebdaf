"""The change ΔW of a module as a product of two thin matrices, exactly, for every algorithm that has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.factors import factors_of
from blockweight.lora.file import Lora, module_name
from blockweight.lora.layer_names import layer_of

Matrix = NDArray[np.float64]
_Arrays = Mapping[str, NDArray[np.generic]]

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


def product_of(lora: Lora, module: Module, *, beside: bool = False) -> Product:
    """The change of a LoRA, LoCon, LoHa or LoKr module as a product.
    With `beside` the module may change a bias too (`diff_b`), which is not in the product.

    LoHa's Hadamard product of two products of ranks p and q is one of rank p·q; LoKr's Kronecker product of matrices of
    ranks p and q is one of rank p·q (a factor that is stored whole counts by its shorter side). A Tucker core is
    multiplied into the right factor. BlockweightError for every other algorithm, for a module that changes a bias too,
    and for damaged tensors.
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
    arrays = lora.arrays(module)
    if algorithm in ("lora", "locon"):
        factors = factors_of(name, arrays)
        out = factors.up.shape[0]
        kernel = factors.down.shape[2:] if factors.mid is None else factors.mid.shape[2:]
        left = factors.up.reshape(out, -1).astype(np.float64)
        shape = (out, factors.down.shape[1], *kernel)
        # mid · down in float64: float32 would round what the file holds exactly.
        right = factors.down.astype(np.float64).reshape(factors.rank, -1)
        if factors.mid is not None:
            core = np.einsum("pq...,qi->pi...", factors.mid.astype(np.float64), right)
            right = core.reshape(len(core), -1)
        return Product(left, right, shape, factors.scale)
    numbers = {role: _numbers(lora, name, role, array) for role, array in arrays.items()}
    try:
        made = _loha(numbers) if algorithm == "loha" else _lokr(numbers)
    except (ValueError, IndexError):
        shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items())
        raise BlockweightError(
            f"The shapes in the module {name} of '{lora.path}' do not fit each other ({shapes}); get the file again."
        ) from None
    return _with_kernel(module, made)


def _with_kernel(module: Module, product: Product) -> Product:
    """LoHa and LoKr without cores store a 3×3 convolution as a matrix; the layer's name tells."""
    layer = layer_of(module)
    out, inputs, *kernel = product.shape
    if kernel or layer is None or inputs % 9 or not layer.name.endswith(_THREE_BY_THREE):
        return product
    return replace(product, shape=(out, inputs // 9, 3, 3))


def _numbers(lora: Lora, name: str, role: str, array: NDArray[np.generic]) -> Matrix:
    if np.iscomplexobj(array) or not np.isfinite(values := array.astype(np.float64)).all():
        raise BlockweightError(
            f"{role} of the module {name} in '{lora.path}' holds values that are not finite numbers: the LoRA is "
            "broken, so train or download it again."
        )
    return values


def _scale(arrays: _Arrays, rank: int) -> float:
    return float(np.asarray(arrays["alpha"]).reshape(())) / rank if "alpha" in arrays else 1.0


def _loha(arrays: Mapping[str, Matrix]) -> Product:
    """ΔW = (w1_a · w1_b) ∘ (w2_a · w2_b), each half with a Tucker core in a convolution (LyCORIS): the columns of the
    left factor are all products of a column of the one half and one of the other, and the rows of the right alike."""
    (left1, right1, kernel), (left2, right2, _) = (_half(arrays, number) for number in (1, 2))
    left = (left1[:, :, None] * left2[:, None, :]).reshape(len(left1), -1)
    right = (right1[:, None, :] * right2[None, :, :]).reshape(-1, right1.shape[1])
    inputs = right.shape[1] // int(np.prod(kernel))
    return Product(left, right, (len(left), inputs, *kernel), _scale(arrays, len(arrays["hada_w1_b"])))


def _half(arrays: Mapping[str, Matrix], number: int) -> tuple[Matrix, Matrix, tuple[int, ...]]:
    a, b = arrays[f"hada_w{number}_a"], arrays[f"hada_w{number}_b"]
    core = arrays.get(f"hada_t{number}")
    if core is None:
        return a, b.reshape(len(b), -1), b.shape[2:]
    right = np.einsum("ij...,jr->ir...", core, b)
    return a.T, right.reshape(len(right), -1), core.shape[2:]


def _lokr(arrays: Mapping[str, Matrix]) -> Product:
    """ΔW = w1 ⊗ w2 (LyCORIS): with w1 = A·B and w2 = C·D it is (A ⊗ C)·(B ⊗ D). alpha / rank counts only where one of
    them is stored as factors."""
    left1, right1, rank1, _ = _kronecker_half(arrays, "lokr_w1")
    left2, right2, rank2, kernel = _kronecker_half(arrays, "lokr_w2")
    spots = int(np.prod(kernel))
    inputs1, inputs2 = right1.shape[1], right2.shape[1] // spots
    # w1 has no kernel: its columns run with w2's inputs, before the kernel's places.
    right = np.einsum("ai,bjs->abijs", right1, right2.reshape(len(right2), inputs2, spots))
    left: Matrix = np.kron(left1, left2).astype(np.float64, copy=False)
    shape = (len(left), inputs1 * inputs2, *kernel)
    rank = rank2 or rank1
    return Product(left, right.reshape(left.shape[1], -1), shape, _scale(arrays, rank) if rank else 1.0)


def _kronecker_half(arrays: Mapping[str, Matrix], role: str) -> tuple[Matrix, Matrix, int | None, tuple[int, ...]]:
    """Left, right, the rank (None where it is stored whole), and the kernel."""
    whole = arrays.get(role)
    if whole is not None:
        matrix = whole.reshape(len(whole), -1)
        one_by_one = np.eye(min(matrix.shape), dtype=np.float64)
        left, right = (one_by_one, matrix) if matrix.shape[0] <= matrix.shape[1] else (matrix, one_by_one)
        return left, right, None, whole.shape[2:]
    a, b = arrays[f"{role}_a"], arrays[f"{role}_b"]
    core = arrays.get("lokr_t2") if role == "lokr_w2" else None
    if core is None:
        return a, b.reshape(len(b), -1), len(b), b.shape[2:]
    right = np.einsum("ij...,jr->ir...", core, b)
    return a.T, right.reshape(len(right), -1), len(b), core.shape[2:]
