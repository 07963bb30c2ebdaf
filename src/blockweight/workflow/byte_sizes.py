"""How large something is, for a person."""

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
