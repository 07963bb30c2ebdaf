"""The pictures of an analysis on its report: the source beside the strongest blocks, and what they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from blockweight.measure import Picture, Verdict, absolute_difference
from blockweight.report.block_analysis import AnalysisPictures
from blockweight.report.grids import png_bytes
from blockweight.report.html import webp_bytes
from blockweight.report.page import Cell, Comparison, Encoding
from blockweight.weights import format_weight

MOST_SCENES = 3
MOST_BLOCKS = 5
"""With the source they fill a row of the page."""

MOST_BYTES = 3_000_000
"""For all pictures together, before base64 makes them a third larger: the page stays under 5 MB."""

_SIDES = (768, 512, 384, 256, 192, 128, 96)
_EXACT_SIDE = 256
"""Pictures up to this size stay exact (PNG); larger ones are for looking at only."""

_MOST_BRIGHTENED = 8

_SAID = {Verdict.KEEP: "suggested: keep", Verdict.DROP: "suggested: drop"}


@dataclass(frozen=True)
class ScenePictures:
    """A scene's pictures, with the label that it has on the report."""

    label: str
    pictures: AnalysisPictures


def picture_comparisons(
    scenes: Sequence[ScenePictures],
    order: Sequence[str],
    verdicts: Mapping[str, Verdict] | None = None,
    most_bytes: int = MOST_BYTES,
) -> tuple[Comparison, ...]:
    """A comparison a scene, of three at most: the source and the five blocks that come first in `order`, and below each
    the absolute difference, brightened by one whole number for all. Large pictures are reduced, all alike, until they
    fit into `most_bytes`."""
    shown = [scene for scene in scenes if any(block in order for block, _ in scene.pictures.changed)][:MOST_SCENES]
    longest = min(max((_longest(scene) for scene in shown), default=0), _SIDES[0])
    for side in (longest, *(side for side in _SIDES if side < longest)):
        encoding: Encoding = "png" if all(_longest(scene) <= _EXACT_SIDE for scene in shown) else "webp"
        made = tuple(_comparison(scene, order, verdicts or {}, side, encoding) for scene in shown)
        if sum(_bytes(each) for each in made) <= most_bytes:
            return made
    return ()


def _longest(scene: ScenePictures) -> int:
    height, width = scene.pictures.source.shape[:2]
    return int(max(height, width))


def _comparison(
    scene: ScenePictures, order: Sequence[str], verdicts: Mapping[str, Verdict], side: int, encoding: Encoding
) -> Comparison:
    found, source = dict(scene.pictures.changed), scene.pictures.source
    blocks = [block for block in order if block in found][:MOST_BLOCKS]
    differences = [absolute_difference(found[block], source) for block in blocks]
    factor = _brightening(differences)
    bright = [np.minimum(each.astype(np.uint16) * factor, 255).astype(np.uint8) for each in differences]
    notes = [_SAID.get(verdicts.get(block, Verdict.UNKNOWN), "") for block in blocks]
    pictures = [
        Cell(_reduced(source, side)),
        *(Cell(_reduced(found[block], side), note) for block, note in zip(blocks, notes, strict=True)),
    ]
    below = [Cell(None, blank=True), *(Cell(_reduced(each, side)) for each in bright)]
    value = format_weight(scene.pictures.value)
    times = "difference" if factor == 1 else f"difference × {factor}"
    columns = ("source", *(f"{block} at {value}" for block in blocks))
    return Comparison((scene.label, times), columns, (tuple(pictures), tuple(below)), encoding=encoding)


def _brightening(differences: Sequence[Picture]) -> int:
    """The largest whole number that clips next to nothing of the differences (1 in 100 values)."""
    most = max((float(np.quantile(each, 0.99)) for each in differences), default=0.0)
    return int(min(max(255 // max(most, 1), 1), _MOST_BRIGHTENED))


def _reduced(picture: Picture, side: int) -> Picture:
    longest = max(picture.shape[:2])
    if longest <= side:
        return picture
    size = (max(1, round(picture.shape[1] * side / longest)), max(1, round(picture.shape[0] * side / longest)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _bytes(comparison: Comparison) -> int:
    encoded = png_bytes if comparison.encoding == "png" else webp_bytes
    return sum(len(encoded(cell.picture)) for row in comparison.cells for cell in row if cell.picture is not None)
