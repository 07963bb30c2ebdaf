"""Weights as people write them."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from blockweight.errors import BlockweightError, quoted

# Python's float() also takes 1_0, nan and infinity, which in a list of weights are slips of the hand.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def parse_weight(text: str) -> float:
    """One weight, any finite decimal number; BlockweightError if it is not one.

    >>> parse_weight(" .5 ")
    0.5
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise BlockweightError(f"{quoted(text)} is not a number; a block weight is a number such as 1, 0.5 or -0.25.")
    value = float(text)
    if not math.isfinite(value):
        raise BlockweightError(f"The block weight {quoted(text)} is beyond the largest number; give a smaller one.")
    return value


def is_weight(text: str) -> bool:
    """Whether `parse_weight` reads the text."""
    try:
        parse_weight(text)
    except BlockweightError:
        return False
    return True


def format_weight(value: float) -> str:
    """The shortest text that reads back as the same number, without exponent or trailing zeros.

    >>> [format_weight(v) for v in (1.0, 0.5, -0.0, 0.25, 1e-5)]
    ['1', '0.5', '0', '0.25', '0.00001']
    """
    if value == 0:
        return "0"
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")


def plain_number(value: float) -> float | int:
    """The number as JSON should show it: whole ones as 1, not 1.0."""
    value = float(value)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def step_weight(value: float, step: float) -> float:
    """value + step as a person would reckon it, in decimals: 0.1 + 0.2 is 0.3."""
    return float(Decimal(repr(float(value))) + Decimal(repr(float(step)))) + 0.0
