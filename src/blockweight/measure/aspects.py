"""What can be measured of two pictures: the one list of aspects, and their numbers for a pair.

An aspect is written by its name, `colour`, or with a region, `colour:inside`, `colour:outside`. None has a sign: 0 is
for equal pictures, and more is a larger effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError, quoted
from blockweight.measure.colour import colour_differences
from blockweight.measure.effect_table import CHANGE, DIFF, INSIDE, OUTSIDE
from blockweight.measure.embeddings import Embedder, embedding_distance, feature_distance
from blockweight.measure.layout import layout_difference
from blockweight.measure.limits import MOST
from blockweight.measure.pictures import DIFF_THRESHOLD, Mask, Picture, absolute_difference, check_mask
from blockweight.measure.structure import edge_differences, structure_differences

COLOUR, STRUCTURE, EDGES, LAYOUT = "colour", "structure", "edges", "layout"

EMBEDDING, FEATURES = "embedding", "features"
"""The two that need an embedder: a model on the person's disk."""

Reading = Callable[[Mask | None], float]
"""The number of a compared pair under a mask; what all masks share has been reckoned before."""


@dataclass(frozen=True)
class Aspect:
    """One way to compare pictures: its values are in `unit`, 0 to `most`."""

    name: str
    title: str
    unit: str
    most: float
    says: str
    compare: Callable[[Picture, Picture, Embedder | None], Reading]
    needs_model: bool = False


def _diff(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    # 0 and 100, whose sum has no rounding, so that the mean is `diff_percent`'s to the last digit.
    counted = np.where(absolute_difference(picture, source) > DIFF_THRESHOLD, 100.0, 0.0)
    reading = _mean(counted, picture)
    return lambda mask: round(reading(mask), 3)


def _change(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    return _mean(absolute_difference(picture, source), picture)


def _colour(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    return _mean(colour_differences(picture, source), picture)


def _structure(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    return _mean(structure_differences(picture, source), picture)


def _edges(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    return _mean(edge_differences(picture, source), picture)


def _layout(picture: Picture, source: Picture, _: Embedder | None) -> Reading:
    return lambda mask: layout_difference(picture, source, mask)


def _embedding(picture: Picture, source: Picture, embedder: Embedder | None) -> Reading:
    one, other = _given(embedder).features(picture), _given(embedder).features(source)
    return lambda mask: embedding_distance(one, other, _checked(picture, mask))


def _features(picture: Picture, source: Picture, embedder: Embedder | None) -> Reading:
    one, other = _given(embedder).features(picture), _given(embedder).features(source)
    return lambda mask: feature_distance(one, other, _checked(picture, mask))


def _mean(field: NDArray[np.float64] | NDArray[np.uint8], picture: Picture) -> Reading:
    """The mean of a number per pixel (or per channel of it) under a mask."""

    def reading(mask: Mask | None) -> float:
        checked = _checked(picture, mask)
        return float((field if checked is None else field[checked]).mean())

    return reading


def _checked(picture: Picture, mask: Mask | None) -> Mask | None:
    if mask is not None:
        check_mask(picture, mask)
    return mask


def _given(embedder: Embedder | None) -> Embedder:
    if embedder is None:
        raise BlockweightError(
            f"{EMBEDDING} and {FEATURES} are measured with a model on your disk, and none was given; name its folder "
            "(CLIP, SigLIP or DINOv2), or leave them out."
        )
    return embedder


ASPECTS: tuple[Aspect, ...] = (
    Aspect(
        DIFF,
        "Diff %",
        "%",
        MOST[DIFF],
        f"channel values that differ by more than {DIFF_THRESHOLD} levels, of all",
        _diff,
    ),
    Aspect(CHANGE, "change", "levels", MOST[CHANGE], "mean absolute difference of the channels", _change),
    Aspect(COLOUR, "colour", "ΔE", MOST[COLOUR], "mean CIEDE2000 of the pixels", _colour),
    Aspect(STRUCTURE, "structure", "1 − SSIM", MOST[STRUCTURE], "mean of 1 − SSIM of luma", _structure),
    Aspect(EDGES, "edges", "levels", MOST[EDGES], "mean change of the luma gradient's size", _edges),
    Aspect(
        LAYOUT,
        "layout",
        "levels",
        MOST[LAYOUT],
        "mean difference of luma in cells of an eighth of the picture",
        _layout,
    ),
    Aspect(
        EMBEDDING,
        "embedding",
        "1 − cos",
        MOST[EMBEDDING],
        "cosine distance of a model's embeddings",
        _embedding,
        needs_model=True,
    ),
    Aspect(
        FEATURES,
        "features",
        "‖Δ‖²",
        MOST[FEATURES],
        "LPIPS-like distance of hidden layers",
        _features,
        needs_model=True,
    ),
)
"""All of them, in the order in which they are shown."""

_BY_NAME = {aspect.name: aspect for aspect in ASPECTS}


def aspect_of(name: str) -> Aspect:
    """The aspect that a name, with or without a region, stands for. BlockweightError for any other name."""
    base, colon, region = name.partition(":")
    if base not in _BY_NAME or (colon and region not in {INSIDE, OUTSIDE}):
        raise BlockweightError(
            f"There is no aspect {quoted(name)}; there are {', '.join(_BY_NAME)}, each also under a mask, as in "
            f"{COLOUR}:{INSIDE} and {COLOUR}:{OUTSIDE}."
        )
    return _BY_NAME[base]


def region_of(name: str) -> str:
    """INSIDE, OUTSIDE, or "" for an aspect of the whole picture."""
    return name.partition(":")[2]


def parse_aspects(text: str) -> tuple[str, ...]:
    """`colour, structure:inside` → the names, each once, in the order given. BlockweightError for what is no aspect,
    and for none at all."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise BlockweightError(f"No aspect is named; there are {', '.join(_BY_NAME)}.")
    for name in names:
        aspect_of(name)
    return names


def measure_aspects(
    names: Sequence[str],
    picture: Picture,
    source: Picture,
    mask: Mask | None = None,
    embedder: Embedder | None = None,
) -> tuple[float, ...]:
    """The numbers of these aspects for one pair, each in its unit and ≥ 0. What an aspect's regions share is reckoned
    once.

    BlockweightError for what is no aspect, a region without a mask, an embedder that is needed and not given, other
    sizes, and a mask that leaves nothing in a region.
    """
    readings: dict[str, Reading] = {}
    found = []
    for name in names:
        aspect, region = aspect_of(name), region_of(name)
        if region and mask is None:
            raise BlockweightError(f"{name} is measured under a mask, and none was given; give one, or leave it out.")
        if aspect.name not in readings:
            readings[aspect.name] = aspect.compare(picture, source, embedder)
        under = None if mask is None or not region else mask if region == INSIDE else ~mask
        found.append(readings[aspect.name](under))
    return tuple(found)


def measure_aspect(
    name: str, picture: Picture, source: Picture, mask: Mask | None = None, embedder: Embedder | None = None
) -> float:
    """One aspect's number, as `measure_aspects` gives it."""
    return measure_aspects((name,), picture, source, mask, embedder)[0]
