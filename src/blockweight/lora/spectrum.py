"""How large a module's change is, computed from its factors: ΔW itself is never built.

For ΔW = s · B A with B (m, r) and A (r, n), with the r×r Gram matrices BᵀB and AAᵀ:

- ‖ΔW‖_F² = s² · tr((BᵀB)(AAᵀ)), because the trace is cyclic;
- the singular values of ΔW are those of s · R_B R_Aᵀ, where B = Q_B R_B and Aᵀ = Q_A R_A: factors with orthonormal
  columns do not change singular values (Golub, Van Loan: Matrix Computations, 4th ed., §5.4.6, "R-SVD");
- R is the Cholesky factor of the Gram matrix, up to signs (ibid., §5.2, theorem 5.2.3); where that matrix is so close
  to singular that rounding shows, R comes from Householder's QR instead.

A LoHa is such a product too (see `algebra`). The singular values of LoKr's w1 ⊗ w2 are all products of one of w1 and
one of w2, hence ‖ΔW‖ = s·‖w1‖·‖w2‖ (ibid., §12.3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating]
_Doubles = NDArray[np.float64]

TOP = 8
"""How many of the largest singular values are kept."""

LARGEST_RANK = 1024
"""The largest rank of a product whose singular values are computed, a second's work."""

LARGEST_SIDE = 256
"""The same for a LoHa, of which it bounds r₁·r₂, and for the smaller side of a weight that is given as it is: models
have hundreds of such modules."""

# Numbers are converted to float64 so many at a time.
_PIECE = 1 << 18
# Between the smallest and the largest diagonal element of R. The Gram matrix squares the ratio, and half of float64's
# 16 digits are then left.
_STEEP = 1e-4


@dataclass(frozen=True)
class Spectrum:
    """The size of a matrix ΔW (out, in · kh · kw): `norm` is ‖ΔW‖_F, `elements` how many numbers it has.

    `singular_values` are the TOP largest, descending; `effective_rank` is exp(−Σ p ln p) with p = σ / Σσ, between 1 and
    the rank, 0 if there is no change (Roy, Vetterli: The effective rank, EUSIPCO 2007). Both are None beyond
    LARGEST_RANK and LARGEST_SIDE.
    """

    norm: float
    elements: int
    singular_values: tuple[float, ...] | None = None
    effective_rank: float | None = None


def product_spectrum(left: Matrix, right: Matrix, scale: float) -> Spectrum:
    """The spectrum of scale · left · right, with left (m, r) and right (r, n).

    The norm is not finite if a number of either is not.
    """
    rank, size = left.shape[1], abs(scale)
    elements = left.shape[0] * right.shape[1]
    if rank > LARGEST_RANK:
        return rows_spectrum(len(left), right.shape[1], lambda start, end: (left[start:end] @ right) * size)
    grams = gram(left), gram(right.T)
    norm = size * float(np.sqrt(max(float((grams[0] * grams[1]).sum()), 0.0)))
    if not np.isfinite(norm):
        return Spectrum(norm, elements)
    core = _triangle(left, grams[0]) @ _triangle(right.T, grams[1]).T
    return _with_values(norm, elements, size * np.linalg.svd(core, compute_uv=False))


def rows_spectrum(out: int, columns: int, rows: Callable[[int, int], Matrix]) -> Spectrum:
    """The norm of a matrix (out, columns), no more, from `rows`, which gives those from a start to an end."""
    step = max(_PIECE // max(columns, 1), 1)
    squares = sum(square_sum(rows(start, min(start + step, out))) for start in range(0, out, step))
    return Spectrum(float(np.sqrt(squares)), out * columns)


def kronecker_spectrum(first: Spectrum, second: Spectrum, scale: float) -> Spectrum:
    """The spectrum of scale · (W₁ ⊗ W₂) from those of W₁ and W₂.

    The effective rank is the product of theirs, because the entropy of a product distribution is the sum of the two.
    """
    size = abs(scale)
    norm, elements = size * first.norm * second.norm, first.elements * second.elements
    if first.singular_values is None or second.singular_values is None:
        return Spectrum(norm, elements)
    # The largest products are among those of the largest factors.
    values = np.sort(np.outer(first.singular_values, second.singular_values), axis=None)[::-1][:TOP]
    effective = (first.effective_rank or 0.0) * (second.effective_rank or 0.0) if size else 0.0
    return Spectrum(norm, elements, tuple(map(float, size * values)), effective)


def plain_spectrum(values: NDArray[np.generic]) -> Spectrum:
    """The spectrum of a weight that is given as it is, (out, …)."""
    norm = float(np.sqrt(square_sum(values)))
    matrix = values.reshape(len(values), -1) if values.ndim and len(values) else values.reshape(1, -1)
    if min(matrix.shape) > LARGEST_SIDE or not values.size or not np.isfinite(norm):
        return Spectrum(norm, values.size)
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return _with_values(norm, values.size, np.linalg.svd(_triangle(tall, gram(tall)), compute_uv=False))


def gram(tall: NDArray[np.generic]) -> _Doubles:
    """MᵀM in float64 of a matrix M (n, r), some rows at a time, so that no copy of M is made."""
    rows, columns = tall.shape
    step = max(_PIECE // max(columns, 1), 1)
    total = np.zeros((columns, columns))
    for start in range(0, rows, step):
        piece = tall[start : start + step].astype(np.float64)
        total += piece.T @ piece
    return total


def square_sum(values: NDArray[np.generic]) -> float:
    """Σ x² in float64 over all numbers of an array."""
    flat = values.reshape(-1)
    total = 0.0
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE].astype(np.float64)
        total += float(piece @ piece)
    return total


def effective_rank(singular_values: Matrix) -> float:
    """exp(−Σ p ln p) with p = σ / Σσ; 0 when all are 0.

    >>> round(effective_rank(np.array([2.0, 2.0, 2.0])), 6)
    3.0
    """
    total = float(singular_values.sum())
    if total == 0:
        return 0.0
    shares = singular_values[singular_values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _with_values(norm: float, elements: int, values: Matrix) -> Spectrum:
    return Spectrum(norm, elements, tuple(map(float, values[:TOP])), effective_rank(values))


def _triangle(tall: NDArray[np.generic], its_gram: _Doubles) -> _Doubles:
    """R with RᵀR = MᵀM, (min(n, r), r) or (r, r)."""
    if len(tall) >= len(its_gram):
        try:
            lower = np.linalg.cholesky(its_gram)
        except np.linalg.LinAlgError:
            pass
        else:
            diagonal = np.diag(lower)
            if diagonal.min() > _STEEP * diagonal.max():
                return np.asarray(lower.T)
    return np.asarray(np.linalg.qr(tall.astype(np.float64), mode="r"))
