"""The number formats of safetensors files, and how finely each of them rounds."""

from __future__ import annotations

import re

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

_BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
# In the order of safetensors' own enumeration (0.8.0), by which its writer sorts tensors, last format first.

_NUMPY: dict[str, np.dtype[np.generic]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "F32": np.dtype("<f4"),
    "C64": np.dtype("<c8"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
}

# A format newer than this table: a name of the same make, and between one bit and 16 bytes for every number.
_PLAUSIBLE_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
_PLAUSIBLE_BYTES = 16


def is_known(dtype: str) -> bool:
    """Whether safetensors knew this format when the table was made."""
    return dtype in _BITS


def rank(dtype: str) -> int:
    """The place of a known format in safetensors' order; its writer puts higher places first."""
    return list(_BITS).index(dtype)


def fits(dtype: str, elements: int, size: int) -> bool:
    """Whether `size` bytes can hold `elements` numbers of this format. A format that we do not know fits when its
    name and size are plausible, because its bytes can still be copied."""
    bits = _BITS.get(dtype)
    if bits is not None:
        return elements * bits == size * 8
    return _PLAUSIBLE_NAME.fullmatch(dtype) is not None and elements <= size * 8 <= elements * _PLAUSIBLE_BYTES * 8


def numpy_dtype(dtype: str) -> np.dtype[np.generic] | None:
    """The numpy (or ml_dtypes) type of a format; None for one that can only be carried as bytes."""
    return _NUMPY.get(dtype)


def format_of(dtype: np.dtype[np.generic]) -> str | None:
    """The format that stores this numpy type; None if there is none.

    >>> format_of(np.dtype(np.float16))
    'F16'
    """
    return next((name for name, known in _NUMPY.items() if known == dtype), None)


def is_float(dtype: str) -> bool:
    """Whether the format holds real numbers with which we can calculate."""
    return dtype in _NUMPY and dtype.startswith(("F", "BF"))


def all_finite(values: NDArray[np.generic]) -> bool:
    """Whether none of the numbers is NaN or Inf."""
    if values.dtype == np.float16:
        # All five bits of the exponent set (IEEE 754-2008, §3.4): numpy's own test takes ten times as long for fp16.
        exponents = values.view(np.uint16) & np.uint16(0x7C00)
        return not (exponents == 0x7C00).any()
    return bool(np.isfinite(values).all())


def rounding(dtype: str) -> tuple[float, float]:
    """How far the nearest number of a float format may lie from x: at most u·|x| + s.

    u is the unit roundoff 2^-p at a precision of p bits (F16: 2^-11, BF16: 2^-8, F32: 2^-24); s is half the smallest
    subnormal, which is what counts near zero (F16: 2^-25).
    """
    limits = ml_dtypes.finfo(_NUMPY[dtype])
    return 2.0 ** -(limits.nmant + 1), float(limits.smallest_subnormal) / 2
