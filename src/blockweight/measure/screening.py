"""Effects from a screening, in which every picture tells of every block.

A block's effect picture is the mean of the runs with the block at `value` less the mean of those with it at `base`:
what it changes on average over what the other blocks stand at, float, in levels. An analysis block by block measures
the same change with all others at `base`; where blocks don't add up the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.effect_table import CHANGE, DIFF, INSIDE, OUTSIDE, EffectTable, SceneName
from blockweight.measure.intervals import CONFIDENCE
from blockweight.measure.pictures import DIFF_THRESHOLD, Mask, Picture
from blockweight.plan import Screening

HELD = 2**28
"""How many bytes of pictures are held at once. Larger ones are read more than once, a band at a time."""

_CHUNK = 2**14
"""Values of a picture that are reckoned with at once."""


@dataclass(frozen=True)
class MainEffect:
    """What a block does to a figure of the picture, signed, in the figure's unit. Effects under `margin` cannot be told
    from chance by this scene alone."""

    block: str
    value: float
    margin: float


@dataclass(frozen=True, eq=False)
class ScreenedScene:
    """What the runs of one scene say. `values` maps CHANGE, DIFF and, with a mask, CHANGE inside and outside to one
    number per block, in the screening's order, already less what the spare columns show: about 0, on either side of it,
    for a block too small to be told.

    `noise` is that, in levels: how large an effect looks where there is no block, by rendering that differs from time
    to time and by blocks that don't add up. `pairs` is what pairs of blocks do beyond their sum, in levels, the mean
    over the columns of a folded screening, the noise still in it. Which pairs do it no screening of so few runs can
    tell: every column mixes many of them. NaN for one that is not folded, which cannot tell them from the blocks' own
    effects.
    """

    values: Mapping[str, NDArray[np.float64]]
    noise: float
    pairs: float


def main_effects(screening: Screening, figures: Sequence[float]) -> tuple[MainEffect, ...]:
    """The blocks' effects on a figure, of which `figures` has one per run: mean at `value` less mean at `base`.

    All have one margin, Lenth's (R. V. Lenth, "Quick and easy analysis of unreplicated factorials", Technometrics 31,
    1989), at CONFIDENCE for each alone: it takes the smaller half of the effects for chance, so it is too wide where
    most blocks do something. ValueError for another number of figures.
    """
    contrasts = _contrasts(screening) @ _checked(screening, figures)
    margin = _lenth_margin(contrasts)
    found = zip(screening.blocks, contrasts, strict=False)
    return tuple(MainEffect(block, float(value), margin) for block, value in found)


def screen_scene(
    screening: Screening, pictures: Sequence[Picture], mask: Mask | None = None, threshold: int = DIFF_THRESHOLD
) -> ScreenedScene:
    """The effects of all blocks in one scene, from its runs' pictures in order.

    CHANGE is the mean |effect picture| in levels, DIFF the percentage of its values over `threshold`. Noise and
    interactions make both larger than they are, by as much as spare columns show, whose mean is subtracted. What is
    then below 0 stays there, so that over many scenes a block that does nothing has 0 for its mean. `pictures` may read
    them when asked (`pictures[run]`): no more than HELD bytes are kept, or one row of each.
    BlockweightError when sizes differ, or the mask does not fit or leaves nothing inside or outside.
    """
    if len(pictures) != len(screening.signs):
        raise ValueError(f"{len(pictures)} pictures for {len(screening.signs)} runs")
    shape = pictures[0].shape
    regions = [np.ones(shape[:2], dtype=np.bool_)] if mask is None else _regions(mask, shape[:2])
    weights = np.stack([np.repeat(region[:, :, None], shape[2], 2) for region in regions], -1).astype(np.float32)
    contrasts, signs = _contrasts(screening).astype(np.float32), np.array(screening.signs, np.float32)
    half = len(signs) // 2
    sizes = np.zeros((signs.shape[1], weights.shape[-1]))
    over, even = np.zeros(signs.shape[1]), 0.0
    for rows, levels in _bands(pictures, shape):
        flat = weights[rows].reshape(-1, weights.shape[-1])
        for start in range(0, levels.shape[1], _CHUNK):
            runs = levels[:, start : start + _CHUNK].astype(np.float32)
            effects = np.abs(contrasts @ runs)
            sizes += effects @ flat[start : start + _CHUNK]
            over += np.count_nonzero(effects > threshold, axis=1)
            if screening.is_folded:
                even += float(np.abs(signs[:half].T @ (runs[:half] + runs[half:]) / half).sum(dtype=np.float64))
    count = math.prod(shape)
    means = sizes / weights.sum((0, 1, 2), dtype=np.float64)
    # The regions don't overlap, so without a mask and with one the whole is their sum.
    whole, blocks = sizes.sum(1) / count, len(screening.blocks)
    values = {DIFF: _beyond(100 * over / count, blocks), CHANGE: _beyond(whole, blocks)}
    if mask is not None:
        values |= {f"{CHANGE}:{region}": _beyond(means[:, n], blocks) for n, region in enumerate((INSIDE, OUTSIDE))}
    pairs = even / (count * signs.shape[1]) if screening.is_folded else math.nan
    return ScreenedScene(values, float(whole[blocks:].mean()), pairs)


def screening_table(
    screening: Screening,
    scenes: Sequence[SceneName],
    pictures: Sequence[Sequence[Picture]],
    masks: Sequence[Mask] | None = None,
    objectives: Mapping[str, Callable[[Picture], float]] | None = None,
    threshold: int = DIFF_THRESHOLD,
) -> EffectTable:
    """The effects in all scenes: `pictures[scene][run]`, one mask per scene or none, and figures of a picture by the
    name of the aspect that they make; DIFF counts values over `threshold`. All aspects are `signed`: what a spare
    column shows may be the more. One scene is read after the other. BlockweightError as from `screen_scene`;
    ValueError for lengths that differ."""
    columns = []
    for number, (_, runs) in enumerate(zip(scenes, pictures, strict=True)):
        values = dict(screen_scene(screening, runs, None if masks is None else masks[number], threshold).values)
        for name, objective in (objectives or {}).items():
            found = main_effects(screening, [objective(runs[run]) for run in range(len(runs))])
            values[name] = np.array([effect.value for effect in found])
        columns.append(values)
    aspects = tuple(columns[0])
    table = np.stack([[column[aspect] for aspect in aspects] for column in columns], axis=-1)
    return EffectTable(aspects, screening.blocks, tuple(scenes), table, leaps=False, signed=frozenset(aspects))


def _contrasts(screening: Screening) -> NDArray[np.float64]:
    """(columns, runs): mean of the high runs less mean of the low ones, which are half of all."""
    signs = np.array(screening.signs, np.float64)
    contrasts: NDArray[np.float64] = signs.T * 2 / len(signs)
    return contrasts


def _beyond(found: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    beyond: NDArray[np.float64] = found[:blocks] - found[blocks:].mean()
    return beyond


def _bands(pictures: Sequence[Picture], shape: tuple[int, ...]) -> Iterator[tuple[slice, Picture]]:
    """Rows of all pictures, as many as may be held at once: (runs, values), good until the next are asked for."""
    width = math.prod(shape[1:])
    height = min(shape[0], max(1, HELD // (len(pictures) * width)))
    held = np.empty((len(pictures), height * width), np.uint8)
    for top in range(0, shape[0], height):
        rows = slice(top, min(top + height, shape[0]))
        levels = held[:, : (rows.stop - top) * width]
        for run in range(len(pictures)):
            picture = pictures[run]
            if picture.shape != shape:
                raise BlockweightError(
                    "The pictures of a screening differ in size, so they cannot be compared; render all with the same "
                    "width and height."
                )
            levels[run] = picture[rows].ravel()
        yield rows, levels


def _regions(mask: Mask, size: tuple[int, ...]) -> list[Mask]:
    if mask.shape != size:
        raise BlockweightError("The mask and the pictures differ in size; use a mask of the pictures' size.")
    if not mask.any() or mask.all():
        raise BlockweightError("The mask leaves nothing inside or nothing outside; mark a part of the picture.")
    return [mask, ~mask]


def _lenth_margin(contrasts: NDArray[np.float64]) -> float:
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415 - as in `t_interval`

    sizes = np.abs(contrasts)
    first = 1.5 * float(np.median(sizes))
    small = sizes[sizes < 2.5 * first]
    error = 1.5 * float(np.median(small)) if len(small) else 0.0
    return error * float(stdtrit(len(sizes) / 3, (1 + CONFIDENCE) / 2))


def _checked(screening: Screening, figures: Sequence[float]) -> NDArray[np.float64]:
    if len(figures) != len(screening.signs):
        raise ValueError(f"{len(figures)} figures for {len(screening.signs)} runs")
    return np.asarray(figures, np.float64)
