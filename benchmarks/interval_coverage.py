"""How often an interval from a few scenes of a pool holds the mean of the whole pool, allowing for the pool's end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockweight.measure import Effect, EffectTable

Floats = NDArray[np.float64]
Design = int | tuple[int, int]
"""So many scenes, whichever; or so many prompts with so many seeds each."""


@dataclass(frozen=True)
class Covered:
    """Shares of the draws, 0…1: the mean over the blocks, and the block with the fewest. `factor` is the median of how
    many times the mean the upper end is; for effects with a sign, of half the width as a share of the mean effect."""

    mean: float
    worst: float
    block: str
    factor: float


def covered(
    table: EffectTable, aspect: str, blocks: Sequence[str], design: Design, repeats: int, seed: int = 3
) -> Covered:
    """Draws without replacement. Such a mean lies nearer to the pool's than to that of all scenes there might be, so
    its distance (of an effect without a sign, that of the logarithms) is stretched by the square root of the two
    variances' ratio before it is looked whether the interval holds it."""
    random = np.random.default_rng(seed)
    prompts = np.unique([scene.prompt for scene in table.scenes], return_inverse=True)[1]
    signed = table.has_sign(aspect)
    chosen = [drawn(prompts, design, random) for _ in range(repeats)]
    rates, factors = [], []
    runs = [table.of_scenes(places) for places in chosen]
    for block in blocks:
        samples = table.samples(aspect, block)
        true, stretch = pool_mean(samples, prompts, design), stretched(samples, prompts, design)
        held = 0
        for run in runs:
            effect = run.effect(aspect, block)
            assert effect is not None
            held += holds(effect, true, stretch, signed=signed)
            factors.append(width(effect, true, signed=signed))
        rates.append(held / repeats)
    worst = int(np.argmin(rates))
    return Covered(float(np.mean(rates)), rates[worst], blocks[worst], float(np.median(factors)))


def holds(effect: Effect, true: float, stretch: float, *, signed: bool) -> bool:
    low, high = effect.interval
    if signed or effect.mean <= 0:
        return low <= effect.mean + (true - effect.mean) * stretch <= high
    return low <= float(effect.mean * (true / effect.mean) ** stretch) <= high


def width(effect: Effect, true: float, *, signed: bool) -> float:
    low, high = effect.interval
    return (high - low) / 2 / abs(true) if signed else high / max(effect.mean, 1e-12)


def drawn(prompts: NDArray[np.intp], design: Design, random: np.random.Generator) -> list[int]:
    """Places of scenes."""
    if isinstance(design, int):
        return [int(place) for place in random.choice(len(prompts), design, replace=False)]
    count, seeds = design
    enough = [prompt for prompt in np.unique(prompts) if (prompts == prompt).sum() >= seeds]
    chosen = random.choice(enough, count, replace=False)
    return [
        int(place)
        for prompt in chosen
        for place in random.choice(np.flatnonzero(prompts == prompt), seeds, replace=False)
    ]


def pool_mean(samples: Floats, prompts: NDArray[np.intp], design: Design) -> float:
    """Of all scenes, or where prompts are drawn, of the prompts."""
    if isinstance(design, int):
        return float(samples.mean())
    return float(np.mean([samples[prompts == prompt].mean() for prompt in np.unique(prompts)]))


def stretched(samples: Floats, prompts: NDArray[np.intp], design: Design) -> float:
    """√(variance of such a mean among all scenes there might be / its variance among those of the pool), as for two
    stages (W. G. Cochran, Sampling Techniques, 1977, 10.3)."""
    if isinstance(design, int):
        return 1 / math.sqrt(1 - design / len(samples))
    count, seeds = design
    rows = [samples[prompts == prompt] for prompt in np.unique(prompts)]
    there = len(samples) / len(rows)
    within = float(np.mean([row.var(ddof=1) for row in rows if len(row) > 1]))
    between = float(np.var([row.mean() for row in rows], ddof=1))
    endless = max(between - within / there, 0.0) / count + within / count / seeds
    here = (1 - count / len(rows)) * between / count + (1 - seeds / there) * within / count / seeds
    return math.sqrt(endless / here) if here else 1.0
