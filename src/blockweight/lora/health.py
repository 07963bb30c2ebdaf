"""What the numbers of a tensor look like: not finite, zero, or so small that fp16 has lost most of their digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PIECE = 1 << 20

# fp16: the five bits of the exponent all set (NaN, Inf), or all clear (zero and subnormals); IEEE 754-2008, §3.4.
_F16_MAGNITUDE = np.uint16(0x7FFF)
_F16_EXPONENT = np.uint16(0x7C00)
_F16_FIRST_NORMAL = np.uint16(0x0400)


@dataclass(frozen=True)
class Health:
    """Of so many `numbers`, how many are `broken` (NaN or Inf), `zero`, and `subnormal`: fp16 numbers below 6.1e-5 but
    not 0, which have fewer than 11 bits of precision. Other formats are not counted as subnormal."""

    numbers: int = 0
    broken: int = 0
    zero: int = 0
    subnormal: int = 0

    def __add__(self, other: Health) -> Health:
        return Health(
            self.numbers + other.numbers,
            self.broken + other.broken,
            self.zero + other.zero,
            self.subnormal + other.subnormal,
        )

    @property
    def subnormal_share(self) -> float:
        """Subnormal numbers among those that are not zero, 0 to 1."""
        return self.subnormal / max(self.numbers - self.zero, 1)


def health_of(values: NDArray[np.generic]) -> Health:
    """Count the numbers of an array, some at a time."""
    flat = values.reshape(-1)
    count = Health()
    for start in range(0, flat.size, _PIECE):
        count += _count(flat[start : start + _PIECE])
    return count


def _count(piece: NDArray[np.generic]) -> Health:
    if piece.dtype == np.float16:
        bits = piece.view(np.uint16) & _F16_MAGNITUDE
        zero = int(np.count_nonzero(bits == 0))
        small = int(np.count_nonzero(bits < _F16_FIRST_NORMAL))
        return Health(piece.size, int(np.count_nonzero(bits >= _F16_EXPONENT)), zero, small - zero)
    with np.errstate(all="ignore"):
        # ml_dtypes' formats have no fast test of their own.
        numbers = piece.astype(np.float32) if piece.dtype.kind == "V" else piece
        broken = piece.size - int(np.count_nonzero(np.isfinite(numbers)))
        return Health(piece.size, broken, piece.size - int(np.count_nonzero(numbers)))
