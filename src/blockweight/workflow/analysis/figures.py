"""The figures of what an analysis found, each as an SVG of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial

import numpy as np

from blockweight.measure import (
    CHANGE,
    DIFF,
    INSIDE,
    NOISE_FLOOR,
    InteractionTable,
    Signal,
    StepMap,
    Sum,
    Verdict,
    signals,
)
from blockweight.report import (
    ASPECT_LABELS,
    AspectLabel,
    FigureWords,
    Labels,
    Yardstick,
    aspect_label,
    aspect_strips,
    effect_bars,
    inside_outside_figure,
    interaction_matrix,
    seed_yardstick,
    step_map,
)
from blockweight.workflow.analysis.findings import Findings

Translated = Callable[[str], str]
"""A word in figures, in another language."""


def figure_files(findings: Findings, preview: str = "") -> dict[str, bytes]:
    """File name → SVG, of all figures that there is data for, `strips.svg` and so on. `preview` says what previews they
    were made from."""
    return {f"{name}.svg": draw(str) for name, draw in figures_of(findings, preview).items()}


def figures_of(findings: Findings, preview: str = "") -> dict[str, Callable[[Translated], bytes]]:
    """What draws each figure that there is data for, its words translated (`str` leaves them English): `strips`,
    `ranking` (by the first aspect), `inside-outside`, `steps`, `pairs`, `seeds`."""
    table = findings.table
    drawn: dict[str, Callable[[Translated], bytes]] = {"strips": partial(_strips, findings, preview)}
    if table.effects(main_aspect(findings)):
        drawn["ranking"] = partial(_ranking, findings, preview)
    if table.effects(f"{CHANGE}:{INSIDE}"):
        drawn["inside-outside"] = partial(_inside_outside, findings)
    if findings.steps is not None:
        drawn["steps"] = partial(_steps, findings.steps)
    if findings.interactions is not None:
        drawn["pairs"] = partial(_pairs, findings, findings.interactions)
    if findings.yardstick:
        drawn["seeds"] = partial(_seeds, findings)
    return drawn


def _strips(findings: Findings, preview: str, translated: Translated) -> bytes:
    title, labels = "Effect of every block by every aspect", labels_of(findings, translated)
    title = f"{title} ({preview})" if preview else title
    return aspect_strips(findings.table, title, words=_words(translated), labels=labels, quiet=quiet_of(findings))


def _ranking(findings: Findings, preview: str, translated: Translated) -> bytes:
    aspect = main_aspect(findings)
    title = f"{aspect_label(aspect).title} ({preview})" if preview else ""
    floor = NOISE_FLOOR if findings.in_levels and aspect.startswith(CHANGE) else None
    verdicts, labels = verdicts_of(findings) or None, labels_of(findings, translated)
    words = _words(translated)
    return effect_bars(findings.table, aspect, title, floor=floor, verdicts=verdicts, words=words, labels=labels)


def _inside_outside(findings: Findings, translated: Translated) -> bytes:
    floor, verdicts = NOISE_FLOOR if findings.in_levels else floor_of(findings), verdicts_of(findings) or None
    words, labels = _words(translated), labels_of(findings, translated)
    return inside_outside_figure(findings.table, CHANGE, floor=floor, verdicts=verdicts, words=words, labels=labels)


def _steps(found: StepMap, translated: Translated) -> bytes:
    values = np.nanmean(found.values, axis=0)
    return step_map(found.blocks, found.steps, values, noise_levels=found.sigmas, words=_words(translated))


def _pairs(findings: Findings, pairs: InteractionTable, translated: Translated) -> bytes:
    marked = differing_pairs(findings)
    return interaction_matrix(pairs.blocks, pair_means(findings), marked=marked, words=_words(translated))


def _seeds(findings: Findings, translated: Translated) -> bytes:
    words, labels = _words(translated), labels_of(findings, translated)
    return seed_yardstick(findings.table, yardsticks_of(findings), words=words, labels=labels)


def _words(translated: Translated) -> FigureWords:
    english = FigureWords()
    return FigureWords(**{each.name: translated(getattr(english, each.name)) for each in fields(FigureWords)})


def labels_of(findings: Findings, translated: Translated = str) -> Labels:
    """What the aspects are called: objectives are in levels, and what finishes no picture has a unit of its own."""
    own = dict(ASPECT_LABELS)
    if findings.method == "probe":
        own[CHANGE] = AspectLabel("change of the estimate", "x₀")
    if findings.method == "sketch":
        own[CHANGE] = AspectLabel("change of the prediction", "")
    told = {
        name: AspectLabel(translated(each.title), each.unit and translated(each.unit)) for name, each in own.items()
    }
    return {**told, **{aim: AspectLabel(aim, translated("levels")) for aim in findings.aims}}


def main_aspect(findings: Findings) -> str:
    """The aspect that blocks are ranked by: Diff %, as people know it, where it was measured."""
    return DIFF if DIFF in findings.table.aspects else findings.table.aspects[0]


def verdicts_of(findings: Findings) -> Mapping[str, Verdict]:
    """Block → what is suggested."""
    return {each.block: each.verdict for each in findings.suggestions}


def quiet_of(findings: Findings) -> frozenset[tuple[str, str]]:
    """The (aspect, block) pairs that noise may explain, corrected for the number of blocks: not those that are clearly
    over the floor in every scene. Nothing where effects are no levels of finished pictures."""
    if not findings.in_levels:
        return frozenset()
    names = [name for name in findings.table.aspects if name.partition(":")[0] == CHANGE]
    found = {name: findings.table.effects(name) for name in names}
    said = {name: signals(found[name], NOISE_FLOOR) for name in names}
    return frozenset(
        (name, effect.block)
        for name in names
        for effect in found[name]
        if said[name][effect.block] is not Signal.VISIBLE and not effect.clear_of(NOISE_FLOOR)
    )


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
    return tuple(Yardstick(aspect, told.mean, told) for aspect, told in (findings.yardstick or {}).items())
