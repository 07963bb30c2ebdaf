"""Elemental presets of LoRA Block Weight: weights for kinds of modules within blocks, `IN05-OUT05:attn:0`.

Source: sd-webui-lora-block-weight at b403cb7. Two things are stricter here: a block is meant by its whole name (there,
`IN1` also meets IN10), and a directive that cannot be read is refused (there, it is left out).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blockweight.blocks import REST, Layout, Module
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_expressions import parse_blocks
from blockweight.weights.numbers import format_weight, is_weight, parse_weight

SHIPPED = {
    "ATTNDEEPON": "IN05-OUT05:attn:1",
    "ATTNDEEPOFF": "IN05-OUT05:attn:0",
    "PROJDEEPOFF": "IN05-OUT05:proj:0",
}
"""LoRA Block Weight's own presets."""

_DIRECTIVE = re.compile(r"([^:]*):([^:]*):([^:]*)")


@dataclass(frozen=True)
class Directive:
    """Modules in one of `blocks` whose path holds one of `elements` (none of them, where `inverted`; any path, where
    there are no elements) weigh `ratio`."""

    blocks: frozenset[str]
    elements: tuple[str, ...]
    inverted: bool
    ratio: float
    text: str


@dataclass(frozen=True)
class Elemental:
    """A name and its directives in order. The last one that meets a module counts, and its ratio replaces the block's
    weight."""

    name: str
    directives: tuple[Directive, ...]

    def weight(self, module: Module, block: str) -> float | None:
        """The module's weight, None where no directive meets it and the block's weight holds."""
        met = None
        for directive in self.directives:
            if block in directive.blocks and _meets(module.path, directive):
                met = directive.ratio
        return met

    def text(self) -> str:
        """`NAME:directive,directive`."""
        return f"{self.name}:{','.join(directive.text for directive in self.directives)}"


def is_elemental(text: str) -> bool:
    """Whether a text has the form of an elemental preset, or is the name of a shipped one."""
    trimmed = text.strip()
    if trimmed in SHIPPED:
        return True
    found = [_DIRECTIVE.fullmatch(part) for part in _name_and_parts(trimmed)[1]]
    return not trimmed.startswith(("<", "{", "[")) and all(match and is_weight(match[3]) for match in found)


def parse_elemental(text: str, layout: Layout) -> Elemental:
    """Read `NAME:blocks:elements:ratio,…`, the directives alone, or the name of one of SHIPPED.

    Blocks are an expression over the layout (no blocks: all, REST included), elements words found in a module's path
    (`attn`, `attn1`, `ff`, `proj`), NOT before them for all others. Directives stand apart by commas or new lines.
    BlockweightError for what is not of that form, an unknown block, and what is no number.
    """
    name, parts = _name_and_parts(text)
    found = [_DIRECTIVE.fullmatch(part) for part in parts]
    broken = next((part for part, match in zip(parts, found, strict=True) if match is None), None)
    if broken is not None:
        raise BlockweightError(
            f"{quoted(broken)} is not an elemental preset; write blocks:elements:ratio, as "
            f"in IN05-OUT05:attn:0, or one of {', '.join(SHIPPED)}."
        )
    directives = tuple(_directive(match, layout) for match in found if match)
    return Elemental(name, directives)


def _directive(found: re.Match[str], layout: Layout) -> Directive:
    blocks, words, ratio = (group.strip() for group in found.groups())
    elements = words.split()
    inverted = bool(elements) and elements[0] == "NOT"
    chosen = frozenset(parse_blocks(blocks, layout, empty=(*layout.blocks, REST)))
    number = parse_weight(ratio)
    text = f"{blocks}:{words}:{format_weight(number)}"
    return Directive(chosen, tuple(elements[1:] if inverted else elements), inverted, number, text)


def _meets(path: str, directive: Directive) -> bool:
    if not directive.elements:
        return True
    return any(element in path for element in directive.elements) != directive.inverted


def _name_and_parts(text: str) -> tuple[str, list[str]]:
    trimmed = text.strip()
    if trimmed in SHIPPED:
        return trimmed, [SHIPPED[trimmed]]
    first, *others = [part.strip() for part in re.split(r"[,\n]", trimmed) if part.strip()] or [""]
    name, colon, rest = first.partition(":")
    named = colon and first.count(":") == 3
    return (name.strip() if named else "ELEMENTAL"), [rest if named else first, *others]
