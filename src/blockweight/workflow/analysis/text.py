"""What an analysis found in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from blockweight.measure import CHANGE, NOISE_FLOOR, Effect, prompt_groups, settled_order
from blockweight.plan import group_name
from blockweight.report import Labels, aspect_label, decimals_for
from blockweight.weights import format_weight
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.costs import Work
from blockweight.workflow.analysis.figures import floor_of, labels_of, main_aspect
from blockweight.workflow.analysis.findings import Findings, blocks_by, smaller_rows

_ORDERED, _ORDERED_FROM = 6, 3
"""How many of the strongest blocks are put in order, and from how many scenes on."""

SCREENED = (
    "A block about 0 or below it changes no more than the design's spare columns, so it cannot be told from nothing."
)

_PAIRS = 8
"""Pairs of blocks that a terminal shows."""


def findings_lines(findings: Findings) -> Iterator[str]:
    """The blocks, strongest first, with what is suggested and why; the pairs that do not add up; what two seeds differ
    by."""
    main = main_aspect(findings)
    reasons = {each.block: f"{each.verdict.value}: {each.reasons[-1]}" for each in findings.suggestions}
    further = [CHANGE, *(name for name in findings.table.aspects if ":" not in name), *findings.aims]
    shown = list(dict.fromkeys([main, *(name for name in further if name in findings.table.aspects)]))
    labels = labels_of(findings)
    rows = [("block", *(_head(aspect, labels) for aspect in shown), "suggestion" if reasons else "")]
    for block in blocks_by(findings.table, main):
        texts = [_told(findings, aspect, block) for aspect in shown]
        rows.append((block, *texts, reasons.get(block, "")))
    yield from _aligned(rows)
    yield from _order_lines(findings)
    if findings.method == "screen":
        yield SCREENED
    yield from (f"{name}: {told}." for name, told in smaller_rows(findings))
    if findings.interactions is not None:
        yield ""
        yield from _pair_lines(findings)
    floor = (findings.yardstick or {}).get(CHANGE)
    if floor is not None:
        yield f"Two seeds of one prompt differ by {floor.mean:.1f} levels anyway{floor.sureness()}."
    yield f"It took {work_text(findings.work)}."


def _told(findings: Findings, aspect: str, block: str) -> str:
    """`effect_text`, or of a block that was not measured alone what its group did: no size of its own exceeds it."""
    effect, group = findings.table.effect(aspect, block), findings.bounded.get(block)
    if effect is None or group is None:
        return "" if effect is None else effect_text(effect)
    most = "" if aspect in findings.aims else "≤ "
    return f"{most}{effect.mean:.{decimals_for(abs(effect.mean))}f} (with {group_name(group)})"


def _head(aspect: str, labels: Labels) -> str:
    label = aspect_label(aspect, labels)
    return label.title if label.unit in label.title else f"{label.title} ({label.unit})"


def effect_text(effect: Effect) -> str:
    """The mean with its 95 % interval, `6.10 (4.20 to 8.85)`; of two scenes the two figures, because the interval of
    two is wider than anybody can use, and of one scene that one's."""
    low, high = effect.interval
    places = decimals_for(abs(effect.mean))
    if len(effect.samples) == 2:
        return " and ".join(f"{sample + 0.0:.{places}f}" for sample in sorted(effect.samples))
    if math.isinf(low) or math.isinf(high):
        return f"{effect.mean:.{places}f}"
    return f"{effect.mean:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def work_text(work: Work) -> str:
    """`81 pictures`, `516 calls of the model`."""
    pictures = f"{work.pictures} picture{'' if work.pictures == 1 else 's'}"
    calls = f"{work.calls:.0f} calls of the model"
    if not work.calls:
        return pictures
    return f"{pictures} and {calls}" if work.pictures else calls


def setting_rows(ask: AnalysisAsk) -> Iterator[tuple[str, str]]:
    """What it was made from, as names and values."""
    yield "Range", f"{format_weight(ask.value)} for the block under test, {format_weight(ask.base)} for the others"
    yield "Blocks", ", ".join(ask.blocks)
    yield "Strength", format_weight(ask.lora.strength)
    yield "LoRA", f"{Path(ask.lora.path).name} ({ask.lora.digest[:12]})"
    if ask.masks:
        yield "Mask", f"{len(ask.masks)}, {ask.called}"
    groups = prompt_groups([scene.prompt for scene in ask.scenes])
    if groups:
        yield "Prompts", str(len(set(groups)))
    for number, scene in enumerate(ask.scenes, 1):
        size = "×".join(map(str, scene.picture_size))
        way = f"{scene.sampler_name}, {scene.steps} steps, CFG {scene.cfg_scale:g}, {size}"
        yield f"Scene {number}", f"{scene.prompt} · seed {scene.seed} · {way}"


def findings_facts(findings: Findings, files: Sequence[Path]) -> dict[str, object]:
    """The findings with their means and intervals, and the files, as plain values."""
    effects = {
        aspect: [
            {
                "block": effect.block,
                "mean": effect.mean,
                "interval": None if math.isinf(effect.interval[1]) else list(effect.interval),
                "scenes": len(effect.samples),
            }
            for effect in findings.table.effects(aspect)
        ]
        for aspect in findings.table.aspects
    }
    said = [{"block": e.block, "verdict": e.verdict.value, "reasons": list(e.reasons)} for e in findings.suggestions]
    return {**findings.facts(), "effects": effects, "suggestions": said, "files": [str(path) for path in files]}


def _order_lines(findings: Findings) -> Iterator[str]:
    """Which of the strongest blocks may change places, where the scenes say so."""
    if CHANGE not in findings.table.aspects or len(findings.table.scenes) < _ORDERED_FROM:
        return
    if findings.table.has_sign(CHANGE):  # a screening's estimates have no ratio
        return
    floor = NOISE_FLOOR if findings.in_levels else floor_of(findings)
    groups = settled_order(findings.table, CHANGE, _ORDERED, floor)
    if groups:
        yield f"By change: {' > '.join(', '.join(group) for group in groups)} (with commas: they may change places)."


def _pair_lines(findings: Findings) -> Iterator[str]:
    table = findings.interactions
    assert table is not None
    rows = [("pair", "beyond their sum", "")]
    for pair in table.pairs()[:_PAIRS]:
        effect = table.pair(*pair)
        assert effect is not None
        rows.append((" + ".join(pair), f"{effect.mean:.0%} of the smaller", table.verdict(*pair).value))
    yield from _aligned(rows)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
