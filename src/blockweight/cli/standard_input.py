"""What a command reads where `-` stands for an argument."""

from __future__ import annotations

import sys


def typed(text: str) -> str:
    """The argument itself, or all of standard input for `-`. Bytes that are no UTF-8 become question marks."""
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace") if text == "-" else text
