"""Sizes and strengths as a person reads them."""

from __future__ import annotations


def size_text(count: int) -> str:
    """Bytes in the unit (powers of 1000) that gives at least one digit before the point.

    >>> size_text(733_852)
    '733.9 kB'
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def norm_text(value: float) -> str:
    """A norm (0 or more) in four digits, so that a column of them shows which is larger at a glance.

    >>> norm_text(0.353), norm_text(1239.0), norm_text(2e-5)
    ('0.3530', '1239', '2.00e-05')
    """
    return f"{value:#.4g}".rstrip(".") if value == 0 or 0.001 <= value < 9999.5 else f"{value:.2e}"
