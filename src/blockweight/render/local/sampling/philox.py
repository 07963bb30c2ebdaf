"""The normal numbers that torch draws on an NVIDIA card, drawn anywhere: Philox 4×32 with ten rounds, and Box–Muller.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; how cuRAND makes normal numbers of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_HALF = np.uint64(32)


def philox(counters: Words, key: tuple[int, int]) -> Words:
    """Four random words for each of the counters, (4, N) uint32 like them; `key` is two words."""
    words = counters
    for turn in range(_ROUNDS):
        products = words[::2] * _MULTIPLIERS
        high, low = (products >> _HALF).astype(np.uint32), products.astype(np.uint32)
        left, right = ((word + turn * step) % 2**32 for word, step in zip(key, _WEYL, strict=True))
        mixed_left, mixed_right = high[1] ^ words[1] ^ np.uint32(left), high[0] ^ words[3] ^ np.uint32(right)
        words = np.stack([mixed_left, low[1], mixed_right, low[0]])
    return words


class PhiloxNormals:
    """Normal numbers of a seed from 0 to 2⁶⁴ − 1, draw after draw, as torch gives them on an NVIDIA card for tensors
    of up to some hundred thousand numbers."""

    def __init__(self, seed: int) -> None:
        self._key = (seed % 2**32, seed >> 32)
        self._draws = 0

    def draw(self, shape: Sequence[int]) -> NDArray[np.float32]:
        """The next draw, in this shape. Each number has a counter of its own: its place and the draw's number."""
        count = math.prod(shape)
        counters = np.zeros((4, count), np.uint32)
        counters[0] = self._draws
        counters[2] = np.arange(count, dtype=np.uint32)
        self._draws += 1
        words = philox(counters, self._key)
        # The middle of each of 2³² equal parts of (0, 1), and of the circle.
        share, angle = ((words[row] + 0.5) * 2.0**-32 for row in (0, 1))
        turn = float(np.float32(2 * math.pi))
        normals: NDArray[np.float64] = np.sqrt(-2 * np.log(share)) * np.sin(angle * turn)
        return normals.astype(np.float32).reshape(shape)
