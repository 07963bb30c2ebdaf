"""The report of an analysis: one page with everything that it found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from blockweight.measure import CHANGE, INSIDE, NOISE_FLOOR, OUTSIDE
from blockweight.report import (
    AnalysisFindings,
    AnalysisPictures,
    PairFigure,
    ScenePictures,
    StepMapFigure,
    analysis_report,
)
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.figures import differing_pairs, labels_of, pair_means, quiet_of, yardsticks_of
from blockweight.workflow.analysis.findings import Findings, blocks_by, bounded_rows, smaller_rows
from blockweight.workflow.analysis.text import setting_rows, work_text

SCENES, BLOCKS = 3, 5
"""Of how many scenes, and of how many of the strongest blocks, the report shows pictures."""


def report_of(ask: AnalysisAsk, findings: Findings, bench: Bench, preview: str) -> bytes:
    """The report as HTML, UTF-8."""
    steps, pairs = findings.steps, findings.interactions
    name = Path(ask.lora.path).name
    found = AnalysisFindings(
        lora=f"{name} ({preview})" if preview else name,
        model=", ".join(dict.fromkeys(Path(scene.checkpoint.path).name for scene in ask.scenes)),
        method=findings.method,
        table=findings.table,
        value=ask.value,
        base=ask.base,
        cost=work_text(findings.work),
        suggestions=findings.suggestions,
        floors=_floors(findings),
        quiet=quiet_of(findings),
        yardsticks=yardsticks_of(findings),
        steps=None
        if steps is None
        else StepMapFigure(steps.blocks, steps.steps, np.nanmean(steps.values, axis=0), noise_levels=steps.sigmas),
        pairs=None
        if pairs is None
        else PairFigure(pairs.blocks, pair_means(findings), marked=differing_pairs(findings)),
        pictures=_pictures(ask, findings, bench),
        settings=(*setting_rows(ask), *bounded_rows(findings), *smaller_rows(findings)),
        labels=labels_of(findings),
    )
    # A file name may hold bytes that are no text.
    return analysis_report(found).encode("utf-8", "replace")


def _floors(findings: Findings) -> dict[str, float]:
    if not findings.in_levels:
        return {}
    names = (CHANGE, f"{CHANGE}:{INSIDE}", f"{CHANGE}:{OUTSIDE}")
    return dict.fromkeys((name for name in names if name in findings.table.aspects), NOISE_FLOOR)


def _pictures(ask: AnalysisAsk, findings: Findings, bench: Bench) -> tuple[ScenePictures, ...]:
    """Of the strongest blocks in the first scenes; none where no pictures of single blocks were rendered."""
    if findings.method != "eba":
        return ()
    strongest = blocks_by(findings.table, CHANGE)
    made = []
    for place, scene in enumerate(ask.scenes[:SCENES]):
        measured = [block for block in strongest if not math.isnan(findings.table.samples(CHANGE, block)[place])]
        pairs = tuple((block, bench.picture(ask.changed(place, block))) for block in measured[:BLOCKS])
        if pairs:
            pictures = AnalysisPictures(ask.value, scene.seed, bench.picture(ask.source(place)), pairs)
            made.append(ScenePictures(scene.label, pictures))
    return tuple(made)
