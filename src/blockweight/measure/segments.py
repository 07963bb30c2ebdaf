"""Blocks in a few segments by what they were measured to do, so that a search has few dimensions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.weights import parse_blocks

FEWEST_SEGMENTS, MOST_SEGMENTS = 4, 8
"""How many segments are made, where that many blocks do anything."""

_NAME = re.compile(r"[^\W\d_]\w{0,19}")


@dataclass(frozen=True)
class Segment:
    """Blocks that share one weight in a search."""

    name: str
    blocks: tuple[str, ...]


def segments_of(effects: Mapping[str, Sequence[float]], count: int) -> tuple[Segment, ...]:
    """At most `count` segments of blocks that do alike, named a, b, … in the blocks' order.

    `effects` has, block by block, what was measured of it in each of several aspects (any unit; all blocks the same
    aspects), with a sign or without. Every aspect is taken as a share of its largest, and a block stands at its effects
    divided by the root of their size: strong blocks lie apart by what they do and by how much, weak ones together.
    Then Ward's method (1963) merges until `count` groups are left. ValueError without a block, or for `count` < 1.
    """
    if not effects or count < 1:
        raise ValueError("segments need blocks and a count")
    blocks = list(effects)
    values = np.array([effects[block] for block in blocks], np.float64)
    values /= np.maximum(np.abs(values).max(axis=0), 1e-12)
    size = np.linalg.norm(values, axis=1, keepdims=True)
    groups = _merged(values / np.sqrt(np.maximum(size, 1e-12)), count)
    ordered = sorted(tuple(sorted(group)) for group in groups)
    return tuple(
        Segment(chr(ord("a") + place), tuple(blocks[number] for number in group)) for place, group in enumerate(ordered)
    )


def parse_segments(text: str, layout: Layout) -> tuple[Segment, ...]:
    """`a=IN01,IN02;b=OUT07-OUT09` → the segments. BlockweightError for what cannot be read, a name or a block that is
    there twice, and an unknown block."""
    found: list[Segment] = []
    for part in filter(str.strip, re.split(r"[;\n]", text)):
        name, equals, blocks = (piece.strip() for piece in part.partition("="))
        if not equals or not _NAME.fullmatch(name) or not blocks:
            raise BlockweightError(
                f"{quoted(part.strip())} is no segment; write a name and its blocks, as in a=IN01,IN02;b=OUT07-OUT09."
            )
        made = Segment(name, parse_blocks(blocks, layout))
        for other in found:
            if other.name == name:
                raise BlockweightError(f"Two segments are called {quoted(name)}; rename one.")
            both = next((block for block in made.blocks if block in other.blocks), None)
            if both is not None:
                raise BlockweightError(
                    f"{both} is in the segments {quoted(other.name)} and {quoted(name)}; take it out of one."
                )
        found.append(made)
    if not found:
        raise BlockweightError("No segment is named; write a name and its blocks, as in a=IN01,IN02;b=OUT07-OUT09.")
    return tuple(found)


def segments_text(segments: Sequence[Segment]) -> str:
    """As `parse_segments` reads them."""
    return ";".join(f"{segment.name}={','.join(segment.blocks)}" for segment in segments)


def _merged(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]], count: int) -> list[list[int]]:
    """Ward's method: always the two groups whose union adds least to the sum of squares, the first of equal ones."""
    groups = [([number], point) for number, point in enumerate(points)]
    while len(groups) > count:
        _, one, other = min(
            (len(a) * len(b) / (len(a) + len(b)) * float(((x - y) ** 2).sum()), i, j)
            for j, (b, y) in enumerate(groups)
            for i, (a, x) in enumerate(groups[:j])
        )
        (a, x), (b, y) = groups[one], groups.pop(other)
        groups[one] = a + b, (len(a) * x + len(b) * y) / (len(a) + len(b))
    return [members for members, _ in groups]
