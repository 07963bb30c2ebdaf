"""What a command reads where `-` stands for an argument."""

from __future__ import annotations

import sys

from blockweight.errors import BlockweightError


def typed(text: str) -> str:
    """The argument itself, or all of standard input for `-`. BlockweightError for bytes that are no UTF-8: a text in
    another encoding would be kept as question marks."""
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BlockweightError("What comes from standard input is not UTF-8 text; save it as UTF-8 first.") from None
