"""A change of high rank cut to a lower one: the best approximation, by QR of its factors and an SVD of rank × rank.

With left = Q₁R₁ and rightᵀ = Q₂R₂, left · right = Q₁ (R₁R₂ᵀ) Q₂ᵀ, so the small middle has the singular values of the
whole; what is cut off is the tail of these, and no rank-N matrix is nearer (Eckart and Young, 1936).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.lora.products import Matrix, Product

_NUMERICALLY_ZERO = 1e-12


@dataclass(frozen=True)
class RankRule:
    """How many ranks to keep: at most `most`, and of these the fewest that hold the share `energy` (0 to 1] of ‖ΔW‖²,
    the sum of the squares of the singular values."""

    most: int | None = None
    energy: float | None = None

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise BlockweightError(f"A rank of {self.most} would leave nothing; give 1 or more.")
        if self.energy is not None and not 0 < self.energy <= 1:
            raise BlockweightError(f"The share of energy to keep must lie above 0 and at most 1, not {self.energy:g}.")

    def kept(self, possible: int, values: Callable[[], Matrix]) -> int:
        """The rank that this rule leaves of a change that can have the rank `possible`, at least 1. `values` gives its
        singular values, largest first, and is asked only where they count."""
        if self.energy is not None:
            possible = min(possible, enough(values(), self.energy))
        return int(max(1, min(possible, self.most or possible)))


@dataclass(frozen=True, eq=False)
class Shrunk:
    """left · right of a lower rank, with the scale inside, and `lost`: ‖what was cut off‖ (Frobenius)."""

    left: Matrix
    right: Matrix
    lost: float


def singular_values(product: Product) -> Matrix:
    """All singular values of ΔW that its factors allow, largest first."""
    return np.asarray(np.linalg.svd(_middle(product), compute_uv=False), np.float64)


def enough(values: Matrix, energy: float) -> int:
    """The fewest of the singular values (largest first) whose squares hold this share of all; at least 1.

    With a share of 1, all but those that are zero in float64.
    """
    squares = np.cumsum(values**2)
    if not len(squares) or squares[-1] == 0:
        return 1
    if energy == 1:
        return max(1, int((values > values[0] * _NUMERICALLY_ZERO).sum()))
    return min(len(values), int(np.searchsorted(squares, energy * squares[-1])) + 1)


def shrink(product: Product, rank: int) -> Shrunk:
    """The best approximation of this rank, its singular values shared evenly between both factors."""
    q1, r1 = np.linalg.qr(product.left * product.scale)
    q2, r2 = np.linalg.qr(product.right.T)
    u, values, vt = np.linalg.svd(r1 @ r2.T, full_matrices=False)
    roots = np.sqrt(values[:rank])
    left = (q1 @ u[:, :rank]) * roots
    right = (roots[:, None] * vt[:rank]) @ q2.T
    return Shrunk(left, right, float(np.linalg.norm(values[rank:])))


def _middle(product: Product) -> Matrix:
    r1: Matrix = np.asarray(np.linalg.qr(product.left * product.scale, mode="r"))
    r2: Matrix = np.asarray(np.linalg.qr(product.right.T, mode="r"))
    return r1 @ r2.T
