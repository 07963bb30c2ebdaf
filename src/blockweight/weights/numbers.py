"""Weights as people write them."""

from __future__ import annotations

import math

from blockweight.errors import BlockweightError


def parse_weight(text: str) -> float:
    """One weight, any finite decimal number; BlockweightError if it is not one.

    >>> parse_weight(" .5 ")
    0.5
    """
    try:
        value = float(text)
    except ValueError:
        raise BlockweightError(
            f"'{text.strip()}' is not a number; a block weight is a number such as 1, 0.5 or -0.25."
        ) from None
    if not math.isfinite(value):
        raise BlockweightError(f"A block weight must be finite, not '{text.strip()}'.")
    return value


def format_weight(value: float) -> str:
    """The shortest text that reads back as the same number, without exponent or trailing zeros.

    >>> [format_weight(v) for v in (1.0, 0.5, -0.0, 0.25)]
    ['1', '0.5', '0', '0.25']
    """
    if value == 0:
        return "0"
    text = repr(float(value))
    if "e" in text or "E" in text:
        mantissa = f"{value:.340f}" if abs(value) < 1 else f"{value:.0f}"
        text = mantissa.rstrip("0") if "." in mantissa else mantissa
        if float(text) != value:
            raise BlockweightError(f"The block weight {value!r} is too small to write as a decimal number.")
    return text.removesuffix(".0")


def step_weight(value: float, step: float) -> float:
    """value + step as a person would reckon it: rounded to 9 decimals, so that 0.1 + 0.2 is 0.3."""
    return round(value + step, 9) + 0.0
