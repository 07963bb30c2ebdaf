"""What a person takes away from an analysis: a folder with its numbers, figures, grids and report."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from blockweight.measure import CHANGE
from blockweight.report import (
    AnalysisPictures,
    DifferenceColour,
    analysis_pages,
    effects_csv,
    effects_parquet,
    write_png,
    write_whole,
)
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.figures import figure_files
from blockweight.workflow.analysis.findings import FINDINGS, Findings
from blockweight.workflow.analysis.report import report_of
from blockweight.workflow.folders import result_folder
from blockweight.workflow.workbench import preview_text


@dataclass(frozen=True)
class GridLook:
    """How the Effective Block Analyzer's grid is drawn: the difference's `colour`, a column or a row per block, how
    many blocks on a page; and whether the table is also written as Parquet."""

    colour: DifferenceColour = "black"
    change_xy: bool = True
    per_page: int | None = None
    parquet: bool = False


@dataclass(frozen=True)
class Written:
    """The folder of an analysis, and the files in it."""

    folder: Path
    files: tuple[Path, ...]


def write_findings(ask: AnalysisAsk, findings: Findings, bench: Bench, look: GridLook = GridLook()) -> Written:
    """Write what was found to a folder of its own in the project's, `analysis-01`: findings.json (all of it),
    effects.csv (and effects.parquet), the figures (SVG), report.html with all of them, and of whole pictures a grid a
    scene (PNG, in pages). Results of previews say that they are: `analysis-01-preview`."""
    preview = preview_text(ask.scenes)
    drawn = {**findings.settings, "difference": look.colour, "column_per_block": look.change_xy}
    if look.per_page is not None:
        drawn["blocks_per_page"] = look.per_page
    folder = result_folder(bench.project.folder, "analysis", drawn, "-preview" if preview else "")
    files = {"effects.csv": effects_csv(findings.table)}
    if look.parquet:
        files["effects.parquet"] = effects_parquet(findings.table)
    files |= figure_files(findings, preview)
    files["report.html"] = report_of(ask, findings, bench, preview)
    files[FINDINGS] = f"{json.dumps(findings.facts(), ensure_ascii=False, allow_nan=False)}\n".encode(
        "utf-8", "backslashreplace"
    )
    for name, data in files.items():
        write_whole(folder / name, data)
    grids = _write_grids(ask, findings, bench, look, folder, preview) if findings.method == "eba" else []
    return Written(folder, (*grids, *(folder / name for name in files)))


def _write_grids(
    ask: AnalysisAsk, findings: Findings, bench: Bench, look: GridLook, folder: Path, preview: str
) -> list[Path]:
    lora = Path(ask.lora.path).stem
    written = []
    for place, scene in enumerate(ask.scenes):
        measured = [b for b in ask.blocks if not math.isnan(findings.table.samples(CHANGE, b)[place])]
        if not measured:
            continue
        pairs = tuple((block, bench.picture(ask.changed(place, block))) for block in measured)
        pictures = AnalysisPictures(ask.value, scene.seed, bench.picture(ask.source(place)), pairs)
        pages = analysis_pages(
            pictures,
            f"{lora} ({preview})" if preview else lora,
            f"blocks-{place + 1:02}-seed{scene.seed}",
            per_page=look.per_page,
            change_xy=look.change_xy,
            colour=look.colour,
            threshold=ask.threshold,
        )
        for page in pages:
            written.append(folder / f"{page.name}.png")
            write_png(page.grid.image, written[-1], {"parameters": scene.prompt})
    return written
