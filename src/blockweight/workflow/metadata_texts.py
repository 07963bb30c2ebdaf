"""Metadata values as a person reads them: one line each, long ones shortened, pictures described."""

from __future__ import annotations

from collections.abc import Sequence

from blockweight.errors import BlockweightError
from blockweight.lora.metadata import Change, key_of, read_covers, read_stamp
from blockweight.lora.metadata.block_weights import ROLES, Role
from blockweight.lora.metadata.fields import COVERS, MODELSPEC
from blockweight.weights import display_width

WIDTH = 100
"""Columns that a shortened value takes at most."""

# 61 numbers of two decimals, for whoever wants to copy them.
_WEIGHTS_WIDTH = 400


def printable(text: str) -> str:
    """The text without what could move a terminal's cursor; the joiner of emoji stays."""
    return "".join(letter if letter.isprintable() or letter == "\u200d" else " " for letter in text)


def shortened(text: str, width: int = WIDTH) -> str:
    """One line of at most `width` columns, full-width letters counted as two; ends of lines are shown as ⏎."""
    line = printable("⏎".join(text.replace("\r\n", "\n").split("\n")))
    if len(line) <= width and display_width(line) <= width:
        return line
    shown, room = "", width - 1
    for letter in line:
        room -= display_width(letter)
        if room < 0:
            break
        shown += letter
    return f"{shown}…"


def shown_value(key: str, text: str, width: int = WIDTH) -> str:
    """A value for a list or a difference."""
    if key == COVERS:
        return covers_text(text)
    for role in ROLES:
        if key == key_of(role):
            return shortened(_weights_text(role, text), max(width, _WEIGHTS_WIDTH))
    if key == f"{MODELSPEC}thumbnail":
        return f"a picture of {len(text):,} characters"
    return shortened(text, width) if text else "(empty)"


def _weights_text(role: Role, text: str) -> str:
    try:
        found = read_stamp(role, text)
    except BlockweightError:
        return text
    return f"{found.weights.text()} ({found.weights.layout.name}{', stale' if found.stale else ''})"


def covers_text(text: str) -> str:
    """The covers in words: `1 picture: JPEG, 512×768, 84 KB`."""
    try:
        covers = read_covers({COVERS: text})
    except BlockweightError:
        return f"broken: {shortened(text, 40) or '(empty)'}"
    if not covers:
        return "none"
    pictures = "1 picture" if len(covers) == 1 else f"{len(covers)} pictures"
    texts = sorted({printable(name) for cover in covers for name in cover.texts})
    inside = f", with the texts {', '.join(texts)}" if texts else ""
    return f"{pictures}: {'; '.join(cover.text() for cover in covers)}{inside}"


def change_lines(changes: Sequence[Change]) -> list[str]:
    """A difference: `- key: old` and `+ key: new`."""
    lines = []
    for change in changes:
        for sign, text in (("-", change.before), ("+", change.after)):
            if text is not None:
                lines.append(f"{sign} {printable(change.key)}: {shown_value(change.key, text)}")
    return lines


def change_facts(changes: Sequence[Change]) -> dict[str, dict[str, str | None]]:
    """A difference as plain values: key → `before` and `after`, None where the key is not there."""
    return {change.key: {"before": change.before, "after": change.after} for change in changes}


def aligned(rows: Sequence[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Labels and values in two columns; the further lines of a value stand under its first."""
    width = max((display_width(label) for label, _ in rows), default=0)
    lines = []
    for label, value in rows:
        first, *others = value.split("\n")
        lines.append(f"{indent}{label}{' ' * (width - display_width(label))}  {first}".rstrip())
        lines += [f"{indent}{' ' * width}  {line}".rstrip() for line in others]
    return lines
