"""What a scene cannot honour, in sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One sentence on what a scene cannot honour, and the settings that it is about, or `Prompt` or `Negative
    prompt`."""

    fields: tuple[str, ...]
    text: str
