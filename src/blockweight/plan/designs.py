"""Two-level designs: which of many factors stand high and which low in each of a few runs, so that every factor's
effect can be told apart from every other's.

Hadamard matrices, by the Legendre symbol (R. E. A. C. Paley, "On orthogonal matrices", 1933; as screening designs:
Plackett and Burman, "The design of optimum multifactorial experiments", Biometrika 1946) and by doubling (Sylvester
1867).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count, product
from math import isqrt

from blockweight.errors import BlockweightError

Signs = tuple[tuple[int, ...], ...]
"""A row per run, a column per factor; +1 high, −1 low."""

MOST_FACTORS = 131


def two_level_design(factors: int) -> Signs:
    """A design of the fewest runs that these constructions give, `factors` + 1 or a few more.

    In every column as many runs are high as low, and of any two columns each of the four combinations has as many runs,
    so effects that add up don't mix. The first run has every factor low. Where the runs exceed `factors` + 1 there are
    unused columns; ask for more factors to get them. Of the orders up to 132, all multiples of 4, only 92 and 116 need
    tables of their own; 96 and 120 stand in for them. BlockweightError unless 1 ≤ `factors` ≤ MOST_FACTORS.
    """
    if not 1 <= factors <= MOST_FACTORS:
        raise BlockweightError(f"A design is for 1 to {MOST_FACTORS} blocks, not {factors}; leave some of them out.")
    matrix = next(found for order in count(factors + 1) if (found := _hadamard(order)) is not None)
    rows = (tuple(-value for value in row[1 : factors + 1]) for row in matrix)
    return tuple(rows)


def folded(signs: Signs) -> Signs:
    """The design followed by its mirror image: every run again with high and low exchanged. What pairs of factors do
    together then no longer falsifies what one of them does alone."""
    return (*signs, *(tuple(-value for value in row) for row in signs))


@cache
def _hadamard(order: int) -> Signs | None:
    """A Hadamard matrix with ones in the first row and column; None where no construction here makes one."""
    if order in (1, 2):
        return ((1,),) if order == 1 else ((1, 1), (1, -1))
    if order % 4:
        return None
    if (character := _character(order - 1)) is not None:
        return _with_ones(_paley_one(character))
    if (order // 2 - 1) % 4 == 1 and (character := _character(order // 2 - 1)) is not None:
        return _with_ones(_paley_two(character))
    half = _hadamard(order // 2)
    return half and (*((*row, *row) for row in half), *((*row, *(-value for value in row)) for row in half))


def _with_ones(matrix: Signs) -> Signs:
    columns = [[row[0] * value for value in row] for row in matrix]
    first = columns[0]
    return tuple(tuple(sign * value for sign, value in zip(first, row, strict=True)) for row in columns)


def _paley_one(jacobsthal: Signs) -> Signs:
    """Order q + 1 for q ≡ 3 modulo 4."""
    size = len(jacobsthal)
    rows = (
        (-1, *(value + (place == number) for place, value in enumerate(row))) for number, row in enumerate(jacobsthal)
    )
    return ((1,) * (size + 1), *rows)


def _paley_two(jacobsthal: Signs) -> Signs:
    """Order 2(q + 1) for q ≡ 1 modulo 4: every 0 of the symmetric conference matrix becomes one square, every ±1
    another."""
    size = len(jacobsthal)
    conference = ((0, *(1,) * size), *((1, *row) for row in jacobsthal))
    squares = {0: ((1, -1), (-1, -1)), 1: ((1, 1), (1, -1)), -1: ((-1, -1), (-1, 1))}
    return tuple(
        tuple(value for entry in row for value in squares[entry][half]) for row in conference for half in (0, 1)
    )


def _character(size: int) -> Signs | None:
    """χ(a − b) for all elements a, b of the field of `size` elements: 1 for a square, −1 for none, 0 for 0. None unless
    `size` is an odd prime or the square of one."""
    if _is_odd_prime(size):
        symbol = _legendre(size)
        return tuple(tuple(symbol(a - b) for b in range(size)) for a in range(size))
    root = isqrt(size)
    if root * root != size or not _is_odd_prime(root):
        return None
    # a + b√d is a square if and only if its norm a² − d·b² is one of the smaller field; d is no square there.
    symbol = _legendre(root)
    d = next(number for number in range(2, root) if symbol(number) == -1)
    elements = tuple(product(range(root), range(root)))
    return tuple(tuple(symbol((a - c) ** 2 - d * (b - e) ** 2) for c, e in elements) for a, b in elements)


def _legendre(prime: int) -> Callable[[int], int]:
    squares = {number * number % prime for number in range(1, prime)}
    return lambda number: 0 if number % prime == 0 else 1 if number % prime in squares else -1


def _is_odd_prime(number: int) -> bool:
    return number > 2 and all(number % divisor for divisor in range(2, isqrt(number) + 1))
