"""The figures of what an analysis found, each as an SVG of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial

import numpy as np

from blockweight.measure import CHANGE, DIFF, INSIDE, NOISE_FLOOR, InteractionTable, StepMap, Sum, Verdict
from blockweight.report import (
    ASPECT_LABELS,
    AspectLabel,
    FigureWords,
    Yardstick,
    aspect_strips,
    effect_bars,
    inside_outside_figure,
    interaction_matrix,
    seed_yardstick,
    step_map,
)
from blockweight.workflow.analysis.findings import Findings


@dataclass(frozen=True)
class Spoken:
    """The words in figures, and what aspects are called there."""

    words: FigureWords = field(default_factory=FigureWords)
    labels: Mapping[str, AspectLabel] = field(default_factory=lambda: ASPECT_LABELS)


def spoken_by(translated: Callable[[str], str]) -> Spoken:
    """The figures' words in another language, by what it makes of each of the English ones."""
    english = FigureWords()
    words = {each.name: translated(getattr(english, each.name)) for each in fields(FigureWords)}
    labels = {
        name: AspectLabel(translated(label.title), translated(label.unit) if label.unit else "")
        for name, label in ASPECT_LABELS.items()
    }
    return Spoken(FigureWords(**words), labels)


def figure_files(findings: Findings) -> dict[str, bytes]:
    """File name → SVG, of all figures that there is data for, `strips.svg` and so on."""
    return {f"{name}.svg": draw(Spoken()) for name, draw in figures_of(findings).items()}


def figures_of(findings: Findings) -> dict[str, Callable[[Spoken], bytes]]:
    """What draws each figure that there is data for: `strips`, `ranking` (by the first aspect), `inside-outside`,
    `steps`, `pairs`, `seeds`."""
    table = findings.table
    drawn: dict[str, Callable[[Spoken], bytes]] = {"strips": partial(_strips, findings)}
    if table.effects(main_aspect(findings)):
        drawn["ranking"] = partial(_ranking, findings)
    if table.effects(f"{CHANGE}:{INSIDE}"):
        drawn["inside-outside"] = partial(_inside_outside, findings)
    if findings.steps is not None:
        drawn["steps"] = partial(_steps, findings.steps)
    if findings.interactions is not None:
        drawn["pairs"] = partial(_pairs, findings, findings.interactions)
    if findings.yardstick:
        drawn["seeds"] = partial(_seeds, findings)
    return drawn


def _strips(findings: Findings, spoken: Spoken) -> bytes:
    return aspect_strips(findings.table, words=spoken.words, labels=spoken.labels)


def _ranking(findings: Findings, spoken: Spoken) -> bytes:
    aspect, verdicts = main_aspect(findings), verdicts_of(findings) or None
    floor = NOISE_FLOOR if findings.in_levels and aspect.startswith(CHANGE) else None
    return effect_bars(findings.table, aspect, floor=floor, verdicts=verdicts, words=spoken.words, labels=spoken.labels)


def _inside_outside(findings: Findings, spoken: Spoken) -> bytes:
    floor, verdicts = NOISE_FLOOR if findings.in_levels else floor_of(findings), verdicts_of(findings) or None
    return inside_outside_figure(
        findings.table, CHANGE, floor=floor, verdicts=verdicts, words=spoken.words, labels=spoken.labels
    )


def _steps(found: StepMap, spoken: Spoken) -> bytes:
    values = np.nanmean(found.values, axis=0)
    return step_map(found.blocks, found.steps, values, noise_levels=found.sigmas, words=spoken.words)


def _pairs(findings: Findings, pairs: InteractionTable, spoken: Spoken) -> bytes:
    marked = differing_pairs(findings)
    return interaction_matrix(pairs.blocks, pair_means(findings), marked=marked, words=spoken.words)


def _seeds(findings: Findings, spoken: Spoken) -> bytes:
    return seed_yardstick(findings.table, yardsticks_of(findings), words=spoken.words, labels=spoken.labels)


def main_aspect(findings: Findings) -> str:
    """The aspect that blocks are ranked by: Diff %, as people know it, where it was measured."""
    return DIFF if DIFF in findings.table.aspects else findings.table.aspects[0]


def verdicts_of(findings: Findings) -> Mapping[str, Verdict]:
    """Block → what is suggested."""
    return {each.block: each.verdict for each in findings.suggestions}


def floor_of(findings: Findings) -> float:
    """What counts as next to nothing where effects are no levels: a thousandth of the strongest."""
    return max((effect.mean for effect in findings.table.effects(CHANGE)), default=0.0) / 1000 or NOISE_FLOOR


def pair_means(findings: Findings) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(blocks, blocks): how far each pair is from adding up, the mean over the scenes."""
    assert findings.interactions is not None
    means: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.nanmean(findings.interactions.values, axis=0)
    return means


def differing_pairs(findings: Findings) -> frozenset[tuple[str, str]]:
    """The pairs that surely do not add up."""
    table = findings.interactions
    if table is None:
        return frozenset()
    return frozenset(pair for pair in table.pairs() if table.verdict(*pair) is Sum.DIFFERS)


def yardsticks_of(findings: Findings) -> tuple[Yardstick, ...]:
    """What two seeds differ by, by aspect."""
    return tuple(Yardstick(aspect, mean) for aspect, mean in (findings.yardstick or {}).items())
