"""What a module's tensors stand for, format by format: its factors, its scale, and its change ΔW. Nowhere else are
these formulas written.

- LoRA and LoCon (kohya's sd-scripts): ΔW = s · up · down, with a Tucker core s · up · (mid · down).
- LoHa: ΔW = s · (w1_a · w1_b) ∘ (w2_a · w2_b), number by number.
- LoKr: ΔW = s · w1 ⊗ w2, each stored whole or as w_a · w_b.

The latter two are LyCORIS's (`lycoris/functional/loha.py`, `lokr.py` in github.com/KohakuBlueleaf/LyCORIS), with a
Tucker core in a convolution's factors too. s is alpha / rank.

`Change.rows` multiplies out by these definitions, `Change.thin` gives two thin matrices by identities of ∘ and ⊗. What
is made with `thin` is checked with `rows`, so a wrong identity cannot confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError

Arrays = Mapping[str, NDArray[np.generic]]
"""A module's tensors by role."""

Matrix = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Factors:
    """A low-rank change, ΔW = scale · up · (mid ·) down.

    Linear: down (rank, in), up (out, rank). Convolution: down (rank, in, kh, kw), up (out, rank, 1, 1). With a Tucker
    core `mid` (rank, rank, kh, kw), down is (rank, in, 1, 1). `scale` is alpha / rank.
    """

    down: Matrix
    up: Matrix
    mid: Matrix | None
    scale: float

    @property
    def rank(self) -> int:
        """The rank that divides alpha: the rows of down, as in kohya's sd-scripts and LyCORIS."""
        return len(self.down)

    @property
    def kernel(self) -> tuple[int, ...]:
        """(kh, kw) of a convolution, () of a linear layer."""
        return self.down.shape[2:] if self.mid is None else self.mid.shape[2:]

    def right(self) -> Matrix:
        """All that up is multiplied with, as a matrix: (rank, in · kh · kw)."""
        flat = self.down.reshape(self.rank, -1)
        return flat if self.mid is None else _through_core(self.mid, flat)

    def delta(self) -> Matrix:
        """ΔW at strength 1, in the shape of the weight that it changes: (out, in) or (out, in, kh, kw)."""
        out, inputs = self.up.shape[0], self.down.shape[1]
        product = self.up.reshape(out, -1) @ self.right()
        return (product * product.dtype.type(self.scale)).reshape(out, inputs, *self.kernel)


@dataclass(frozen=True, eq=False)
class Operand:
    """A matrix (out, in · kh · kw) of which a change is made: left · right, with left (out, r) and right
    (r, in · kh · kw), or `right` alone where the file has it whole. `kernel` is (kh, kw), or () for a linear layer."""

    left: Matrix | None
    right: Matrix
    kernel: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.right if self.left is None else self.left), self.right.shape[1]

    def rows(self, which: slice | NDArray[np.intp]) -> Matrix:
        """Some of its rows, multiplied out."""
        return self.right[which] if self.left is None else self.left[which] @ self.right

    def taking(self, which: NDArray[np.intp]) -> Operand:
        """An operand of some of its rows."""
        if self.left is None:
            return replace(self, right=self.right[which])
        return replace(self, left=self.left[which])

    def thin(self) -> tuple[Matrix, Matrix]:
        """(left, right); a whole matrix is itself times the identity on its shorter side."""
        if self.left is not None:
            return self.left, self.right
        one = np.eye(min(self.shape), dtype=self.right.dtype)
        return (one, self.right) if self.shape[0] <= self.shape[1] else (self.right, one)


@dataclass(frozen=True, eq=False)
class Change:
    """ΔW = scale · the operand `alone`, or two of them joined by Hadamard's product ∘ or Kronecker's ⊗."""

    joined: Literal["alone", "hadamard", "kronecker"]
    operands: tuple[Operand, ...]
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        """(out, in), or (out, in, kh, kw) of a convolution, whose kernel Kronecker's second operand has."""
        kernel = next((operand.kernel for operand in reversed(self.operands) if operand.kernel), ())
        out, columns = self.operands[0].shape
        if self.joined == "kronecker":
            out, columns = out * self.operands[1].shape[0], columns * self.operands[1].shape[1]
        return out, columns // prod(kernel), *kernel

    @property
    def rank(self) -> int:
        """Columns of the left matrix of `thin`: an upper bound of ΔW's rank."""
        return prod(min(each.shape) if each.left is None else len(each.right) for each in self.operands)

    def scaled(self, weight: float) -> Change:
        """weight · ΔW."""
        return replace(self, scale=self.scale * weight)

    def rows(self, start: int, end: int) -> Matrix:
        """The rows of ΔW from `start` to `end` by the definition, as a matrix (…, in · kh · kw)."""
        first, second = self.operands[0], self.operands[-1]
        if self.joined == "alone":
            return first.rows(slice(start, end)) * self.scale
        if self.joined == "hadamard":
            return first.rows(slice(start, end)) * second.rows(slice(start, end)) * self.scale
        # Row i of A ⊗ B: every number of A's row times all of B's row, and B's rows run faster.
        upper, lower = np.divmod(np.arange(start, min(end, self.shape[0])), second.shape[0])
        outer = first.rows(upper)[:, :, None] * second.rows(lower)[:, None, :]
        return outer.reshape(len(upper), -1) * self.scale

    def thin(self) -> tuple[Matrix, Matrix]:
        """left (out, rank) and right (rank, in · kh · kw) with ΔW = scale · left · right.

        (A·B) ∘ (C·D) is the product of the row-wise Khatri-Rao product of A and C and the column-wise one of B and D
        (Slyusar 1998); (A·B) ⊗ (C·D) = (A ⊗ C)·(B ⊗ D) (Golub, Van Loan: Matrix Computations, 4th ed., §1.3.6).
        """
        if self.joined == "alone":
            return self.operands[0].thin()
        (a, b), (c, d) = (operand.thin() for operand in self.operands)
        if self.joined == "kronecker":
            return np.kron(a, c), np.kron(b, d)
        left = (a[:, :, None] * c[:, None, :]).reshape(len(a), -1)
        return left, (b[:, None, :] * d[None, :, :]).reshape(-1, b.shape[1])


def change_of(name: str, algorithm: str, arrays: Arrays, dtype: type[np.floating] = np.float64) -> Change:
    """The change of a module from its tensors, in numbers of `dtype`. `algorithm` is lora, locon, loha or lokr, and
    `arrays` hold all that belongs to it; `name` is the module's, for messages.

    BlockweightError for shapes that do not belong together and values that are not finite numbers.
    """
    if algorithm in ("lora", "locon"):
        factors = factors_of(name, arrays, dtype)
        operand = Operand(factors.up.reshape(factors.up.shape[:2]), factors.right(), factors.kernel)
        return Change("alone", (operand,), factors.scale)
    if algorithm == "loha":
        halves = tuple(_multiplied(name, arrays, dtype, f"hada_w{number}", core=f"hada_t{number}") for number in (1, 2))
        if halves[0].shape != halves[1].shape:
            raise _unfit(name, arrays)
        return Change("hadamard", halves, scale_of(name, arrays))
    pair = tuple(_kronecker_half(name, arrays, dtype, number) for number in (1, 2))
    if prod(pair[0].kernel) != 1:
        raise _unfit(name, arrays)  # which has no place beside the second one's
    return Change("kronecker", pair, scale_of(name, arrays))


def factors_of(name: str, arrays: Arrays, dtype: type[np.floating] = np.float32) -> Factors:
    """Factors from a module's tensors by role: lora_up, lora_down, and where present lora_mid and alpha.

    A missing alpha means scale 1. An alpha of 0 means scale 0, as in ComfyUI and A1111 (sd-scripts reads it as 1).
    `name` is the module's, for messages. BlockweightError for a missing factor, shapes that do not belong together,
    and values that are not finite numbers.
    """
    for role in ("lora_up", "lora_down"):
        if role not in arrays:
            raise BlockweightError(f"The module {name} has no {role}: the file is damaged, so get it again.")
    up, down = (finite(name, role, arrays[role], dtype) for role in ("lora_up", "lora_down"))
    mid = finite(name, "lora_mid", arrays["lora_mid"], dtype) if "lora_mid" in arrays else None
    if not _belong_together(up.shape, down.shape, None if mid is None else mid.shape):
        raise _unfit(name, arrays)
    return Factors(down, up, mid, scale_of(name, arrays))


def scale_of(name: str, arrays: Arrays) -> float:
    """alpha / rank; 1 without alpha, and where there is no rank, for which loaders take no notice of it.
    BlockweightError for an alpha that is not one finite number."""
    rank = rank_of(arrays)
    if "alpha" not in arrays or not rank:
        return 1.0
    alpha = alpha_of(arrays)
    if alpha is None:
        raise BlockweightError(f"The alpha of the module {name} is not one finite number; get the file again.")
    return alpha / rank


def alpha_of(arrays: Arrays) -> float | None:
    """A module's alpha; None if it has none, or it is not one finite number."""
    alpha = arrays.get("alpha")
    if alpha is None or alpha.size != 1 or np.iscomplexobj(alpha):
        return None
    value = float(alpha.reshape(()))
    return value if isfinite(value) else None


def rank_of(arrays: Arrays) -> int | None:
    """The rank that divides alpha, where a module has one: the rows of down, of LoHa's w1_b, or of LoKr's w2_b, and of
    its w1_b where w2 is whole (as in ComfyUI and LyCORIS)."""
    for role in ("lora_down", "hada_w1_b"):
        if role in arrays and arrays[role].ndim:
            return len(arrays[role])
    for half in ("lokr_w2", "lokr_w1"):
        if half not in arrays and (factor := arrays.get(f"{half}_b")) is not None and factor.ndim:
            return len(factor)
    return None


def _kronecker_half(name: str, arrays: Arrays, dtype: type[np.floating], number: int) -> Operand:
    role = f"lokr_w{number}"
    if role not in arrays:
        # No loader reads a core of w1.
        return _multiplied(name, arrays, dtype, role, core="lokr_t2" if number == 2 else "")
    whole = finite(name, role, arrays[role], dtype)
    if whole.ndim < 2 or 0 in whole.shape:
        raise _unfit(name, arrays)
    return Operand(None, whole.reshape(len(whole), -1), whole.shape[2:])


def _multiplied(name: str, arrays: Arrays, dtype: type[np.floating], role: str, core: str) -> Operand:
    """a (out, r) times b (r, in · kh · kw); with a Tucker core (r, r, kh, kw) they are a (r, out) and b (r, in)."""
    left, right = (finite(name, f"{role}_{which}", arrays[f"{role}_{which}"], dtype) for which in "ab")
    if left.ndim != 2 or right.ndim != 2 or 0 in (*left.shape, *right.shape):
        raise _unfit(name, arrays)
    kernel: tuple[int, ...] = ()
    if core in arrays:
        middle = finite(name, core, arrays[core], dtype)
        if middle.ndim < 2 or 0 in middle.shape or middle.shape[:2] != (len(left), len(right)):
            raise _unfit(name, arrays)
        left, right, kernel = left.T, _through_core(middle, right), middle.shape[2:]
    if left.shape[1] != right.shape[0]:
        raise _unfit(name, arrays)
    return Operand(left, right, kernel)


def _through_core(core: Matrix, right: Matrix) -> Matrix:
    """A Tucker core (p, q, kh, kw) times (q, in): a matrix (p, in · kh · kw)."""
    return np.asarray(np.einsum("pq...,qi->pi...", core, right)).reshape(len(core), -1)


def _belong_together(up: tuple[int, ...], down: tuple[int, ...], mid: tuple[int, ...] | None) -> bool:
    if len(up) < 2 or len(down) < 2 or 0 in (*up, *down) or not set(up[2:]) <= {1}:
        return False
    if mid is None:
        return up[1] == down[0]
    return len(mid) > 2 and 0 not in mid and set(down[2:]) <= {1} and (up[1], mid[1]) == (mid[0], down[0])


def finite(name: str, role: str, values: NDArray[np.generic], dtype: type[np.floating]) -> Matrix:
    """A tensor's numbers as `dtype`. BlockweightError, naming module and role, for NaN, Inf and complex numbers."""
    if np.iscomplexobj(values):
        raise BlockweightError(f"{role} of the module {name} holds complex numbers; a LoRA has real ones.")
    with np.errstate(over="ignore"):
        numbers: Matrix = values.astype(dtype)
    if not np.isfinite(numbers).all():
        raise BlockweightError(
            f"{role} of the module {name} holds values that are not finite numbers (NaN or Inf): the LoRA is broken, "
            "so train or download it again."
        )
    return numbers


def _unfit(name: str, arrays: Arrays) -> BlockweightError:
    shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items() if role != "alpha")
    return BlockweightError(f"The shapes in the module {name} do not fit each other ({shapes}); get the file again.")
