"""Numbers of an infotext's settings, and a note for each that is none."""

from __future__ import annotations

import re
from collections.abc import Mapping

from blockweight.errors import BlockweightError, quoted
from blockweight.plan.notes import Note
from blockweight.weights import parse_weight


def whole_of(name: str, settings: Mapping[str, str], among: range, what: str, notes: list[Note]) -> int | None:
    """The whole number of a setting, None if it is not there or (noted) not `among` those that can be had."""
    text = settings.get(name)
    if text is None:
        return None
    value = int(text) if re.fullmatch(r"\d{1,20}", text, re.ASCII) else -1
    if value in among:
        return value
    notes.append(Note((name,), f"{name} {quoted(text)} is not {what}."))
    return None


def number_of(name: str, settings: Mapping[str, str], least: float, most: float, notes: list[Note]) -> float | None:
    """The number of a setting, None if it is not there or (noted) not from `least` to `most`."""
    text = settings.get(name)
    if text is None:
        return None
    try:
        value = parse_weight(text)
    except BlockweightError:
        value = least - 1
    if least <= value <= most:
        return value
    notes.append(Note((name,), f"{name} {quoted(text)} is not a number from {least:g} to {most:g}."))
    return None


def sides_of(text: str) -> tuple[int, int] | None:
    """Width and height of `512x768`; None for another text."""
    found = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip(), re.ASCII)
    return (int(found[1]), int(found[2])) if found else None
