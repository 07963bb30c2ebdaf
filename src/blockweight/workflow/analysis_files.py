"""What a project's complete analysis has left: its findings, its figures, and the files that a person takes away."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.project import is_own_file
from blockweight.report import themed
from blockweight.workflow.analysis.figures import Translated, figures_of
from blockweight.workflow.analysis.findings import FINDINGS, Findings, read_findings
from blockweight.workflow.tuning_project import TuningProject

REPORT = "report.html"

FILES = (REPORT, "effects.csv", FINDINGS)
"""Of an analysis's folder, those that a page gives away."""


def kept_findings(folder: Path) -> Findings:
    """As `read_findings`; the second time the answer is remembered, until the file is another."""
    try:
        changed = (folder / FINDINGS).stat().st_mtime_ns
    except OSError:
        changed = 0
    return _read(folder, changed)


@lru_cache(maxsize=8)
def _read(folder: Path, _changed: int) -> Findings:
    return read_findings(folder)


def analysis_figure(tuning: TuningProject, number: int, name: str, translated: Translated) -> bytes:
    """A figure (`figures_of`) of the complete analysis of this number (`AnalysisFacts.number`) as an SVG, its words
    translated and its colours the page's. BlockweightError if there is no such analysis or figure."""
    draw = figures_of(kept_findings(_folder(tuning, number))).get(name)
    if draw is None:
        raise BlockweightError(f"The analysis has no figure {quoted(name)}; load the page anew.")
    return themed(draw(translated).decode()).encode()


def analysis_file(tuning: TuningProject, number: int, name: str) -> Path:
    """One of FILES of the complete analysis of this number. BlockweightError if there is no such analysis or file."""
    file = _folder(tuning, number) / name
    if name not in FILES or not is_own_file(file):
        raise BlockweightError(f"The analysis has no file {quoted(name)}; analyse again, its pictures are kept.")
    return file


def _folder(tuning: TuningProject, number: int) -> Path:
    found = next((each for each in tuning.state().analyses if each.number == number and each.folder), None)
    if found is None:
        raise BlockweightError(f"The project has no complete analysis of the number {number}; load the page anew.")
    return tuning.folder / found.folder
