"""Probes in numbers: what each block changes of the denoiser's estimate at each noise level, and the table of it.

The unit is the probe's own: the root mean square of the change of a cell of the latents, ≥ 0, 0 for no change. It ranks
the blocks of one LoRA as the finished pictures do (docs/probe.md); it is no number of levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.cells import mask_cells
from blockweight.measure.effect_table import CHANGE, INSIDE, OUTSIDE, EffectTable, SceneName
from blockweight.measure.pictures import Mask, Picture
from blockweight.render import Maps, Probed, ProbedLevel

Floats = NDArray[np.float64]

Measure = Callable[[Picture, Picture, Mask | None], float]
"""A number for a picture, its source and the mask to measure under, None for the whole: `mean_difference` is one."""


@dataclass(frozen=True, eq=False)
class StepMap:
    """`values[scene, block, step]`, float64: the mean over the cells of what a block changes at a step. `sigmas` are
    the steps' ratios of noise to picture, ∞ for noise alone. NaN where nothing was measured."""

    blocks: tuple[str, ...]
    steps: tuple[int, ...]
    sigmas: tuple[float, ...]
    values: Floats

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[1:] != (len(self.blocks), len(self.steps)):
            raise ValueError(f"values must be (scenes, {len(self.blocks)}, {len(self.steps)}), not {self.values.shape}")
        if len(self.sigmas) != len(self.steps):
            raise ValueError("every step has a noise level")

    def mean(self) -> Floats:
        """Over the scenes in which a block was measured, (blocks, steps); NaN for none."""
        there = ~np.isnan(self.values)
        sums = np.where(there, self.values, 0).sum(0)
        counts = there.sum(0)
        found: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return found

    def facts(self) -> dict[str, object]:
        """The map as plain values that JSON keeps: None for what was not measured, and for a σ of ∞."""
        return {
            "blocks": list(self.blocks),
            "steps": list(self.steps),
            "sigmas": [None if math.isinf(sigma) else sigma for sigma in self.sigmas],
            "values": [
                [[None if np.isnan(value) else float(value) for value in row] for row in scene] for scene in self.values
            ],
        }


def step_map_from(facts: Mapping[str, Any]) -> StepMap:
    """The map that `facts` tells of; BlockweightError for anything else."""
    try:
        blocks, steps = tuple(map(str, facts["blocks"])), tuple(map(int, facts["steps"]))
        sigmas = tuple(math.inf if sigma is None else float(sigma) for sigma in facts["sigmas"])
        values = np.array(facts["values"], dtype=np.float64).reshape(-1, len(blocks), len(steps))
        return StepMap(blocks, steps, sigmas, values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BlockweightError("This is no map of blocks and steps, or it is damaged; probe again.") from error


def map_values(maps: Maps, mask: Mask | None = None) -> Floats:
    """The mean of each map (N, h, w) over its cells, or over those under the mask, (H, W) in pixels, each cell by its
    share: (N,). BlockweightError for a mask that leaves nothing."""
    if mask is None:
        whole: Floats = maps.mean((1, 2), dtype=np.float64)
        return whole
    share = mask_cells(mask, maps.shape[1:])
    if not share.any():
        raise BlockweightError("The mask leaves nothing to measure; mark at least one pixel, and leave one out.")
    under: Floats = (maps * share).sum((1, 2)) / share.sum()
    return under


def probe_table(
    answers: Sequence[Probed],
    blocks: Sequence[str],
    masks: Sequence[Mask] | None = None,
    weights: Sequence[float] | None = None,
    measures: Mapping[str, Measure] | None = None,
) -> EffectTable:
    """The effects of `blocks`, the first of the asks' changed variants in their order: CHANGE in the probe's unit and,
    with masks, one a scene, CHANGE inside and outside. Of several levels the weighted mean, by default the plain one.

    Where the estimates were decoded, `measures` are aspects of the pictures, by name, each in its own unit.
    BlockweightError if a mask leaves nothing inside or outside, ValueError for pictures that were not asked for.
    """
    regions = ("",) if masks is None else ("", INSIDE, OUTSIDE)
    names = (CHANGE, *(measures or {}))
    aspects = tuple(f"{name}:{region}" if region else name for name in names for region in regions)
    values = np.full((len(aspects), len(blocks), len(answers)), np.nan)
    for scene, answer in enumerate(answers):
        mask = None if masks is None else masks[scene]
        under = {"": None, INSIDE: mask, OUTSIDE: None if mask is None else ~mask}
        shares = _shares(weights, len(answer.levels))
        rows = [
            sum(
                (
                    share
                    * _of_level(level, len(blocks), under[region], None if name == CHANGE else (measures or {})[name])
                )
                for share, level in zip(shares, answer.levels, strict=True)
            )
            for name in names
            for region in regions
        ]
        values[:, :, scene] = np.stack([np.asarray(row) for row in rows])
    scenes = [answer.ask.scene for answer in answers]
    named = tuple(SceneName(scene.label, scene.seed, scene.prompt) for scene in scenes)
    return EffectTable(aspects, tuple(blocks), named, values, leaps=False)


def mixed_values(answers: Sequence[Probed], masks: Sequence[Mask] | None = None) -> Floats:
    """What the asks' pairs do together beyond the sum of each alone, [scene, pair], in the probe's unit: the mean over
    the levels."""
    found = [
        np.mean([map_values(level.mixed, mask) for level in answer.levels], axis=0)
        for answer, mask in zip(answers, _of_scenes(masks, len(answers)), strict=True)
    ]
    return np.stack(found)


def _of_scenes(masks: Sequence[Mask] | None, scenes: int) -> Sequence[Mask | None]:
    return [None] * scenes if masks is None else masks


def _of_level(level: ProbedLevel, blocks: int, mask: Mask | None, measure: Measure | None) -> Floats:
    if measure is None:
        return map_values(level.maps[:blocks], mask)
    if level.source is None:
        raise ValueError("an aspect of pictures needs estimates that were decoded")
    return np.array([measure(picture, level.source, mask) for picture in level.pictures[:blocks]])


def _shares(weights: Sequence[float] | None, levels: int) -> list[float]:
    given = [1.0] * levels if weights is None else list(weights)
    if len(given) != levels or not sum(given) > 0:
        raise ValueError(f"{levels} levels need as many weights, above 0 in all, not {given}")
    return [weight / sum(given) for weight in given]
