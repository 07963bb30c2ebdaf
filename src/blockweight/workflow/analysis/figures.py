"""The figures of what an analysis found, each as an SVG of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from blockweight.measure import CHANGE, DIFF, INSIDE, NOISE_FLOOR, Signal, Sum, Verdict, signals
from blockweight.report import (
    ASPECT_LABELS,
    AspectLabel,
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


def figure_files(findings: Findings, preview: str = "") -> dict[str, bytes]:
    """File name → SVG, of all figures that there is data for: `strips.svg`, `ranking.svg` (by the first aspect),
    `inside-outside.svg`, `steps.svg`, `pairs.svg`, `seeds.svg`. `preview` says what previews they were made from."""
    table = findings.table
    title = "Effect of every block by every aspect"
    labels, verdicts = labels_of(findings), verdicts_of(findings) or None
    made = {
        "strips.svg": aspect_strips(
            table, f"{title} ({preview})" if preview else title, labels=labels, quiet=quiet_of(findings)
        )
    }
    if table.effects(main_aspect(findings)):
        made["ranking.svg"] = ranking_figure(findings, main_aspect(findings), preview)
    if table.effects(f"{CHANGE}:{INSIDE}"):
        floor = NOISE_FLOOR if findings.in_levels else floor_of(findings)
        made["inside-outside.svg"] = inside_outside_figure(table, CHANGE, floor=floor, verdicts=verdicts, labels=labels)
    if findings.steps is not None:
        found = findings.steps
        values = np.nanmean(found.values, axis=0)
        made["steps.svg"] = step_map(found.blocks, found.steps, values, noise_levels=found.sigmas)
    if findings.interactions is not None:
        pairs = findings.interactions
        made["pairs.svg"] = interaction_matrix(pairs.blocks, pair_means(findings), marked=differing_pairs(findings))
    if findings.yardstick:
        made["seeds.svg"] = seed_yardstick(table, yardsticks_of(findings))
    return made


def ranking_figure(findings: Findings, aspect: str, preview: str = "") -> bytes:
    """The blocks by one aspect, strongest first. BlockweightError if none was measured by it."""
    title = f"{aspect_label(aspect).title} ({preview})" if preview else ""
    floor = NOISE_FLOOR if findings.in_levels and aspect.startswith(CHANGE) else None
    verdicts, labels = verdicts_of(findings) or None, labels_of(findings)
    return effect_bars(findings.table, aspect, title, floor=floor, verdicts=verdicts, labels=labels)


def labels_of(findings: Findings) -> Labels:
    """What the aspects are called: objectives are in levels, and what finishes no picture has a unit of its own."""
    own = {aim: AspectLabel(aim, "levels") for aim in findings.aims}
    if not findings.in_levels and findings.method != "gradient":
        own[CHANGE] = AspectLabel("change of the estimate", "")
    return {**ASPECT_LABELS, **own}


def main_aspect(findings: Findings) -> str:
    """The aspect that blocks are ranked by: Diff %, as people know it, where it was measured."""
    return DIFF if DIFF in findings.table.aspects else findings.table.aspects[0]


def verdicts_of(findings: Findings) -> Mapping[str, Verdict]:
    """Block → what is suggested."""
    return {each.block: each.verdict for each in findings.suggestions}


def quiet_of(findings: Findings) -> frozenset[tuple[str, str]]:
    """The (aspect, block) pairs that noise may explain, corrected for the number of blocks; nothing where effects are
    no levels of finished pictures."""
    if not findings.in_levels:
        return frozenset()
    names = [name for name in findings.table.aspects if name.partition(":")[0] == CHANGE]
    said = {name: signals(findings.table.effects(name), NOISE_FLOOR) for name in names}
    return frozenset(
        (name, block) for name in names for block, signal in said[name].items() if signal is not Signal.VISIBLE
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
    return tuple(Yardstick(aspect, mean) for aspect, mean in (findings.yardstick or {}).items())
