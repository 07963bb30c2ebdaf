"""An analysis with the pictures that a report of it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.measure import BlockEffects, Suggestion, Verdict
from blockweight.report import AnalysisPictures
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.findings import Findings


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was asked, what was found, and the pictures of the first scene."""

    ask: AnalysisAsk
    findings: Findings
    first: AnalysisPictures

    @property
    def effects(self) -> tuple[BlockEffects, ...]:
        """Those of every block."""
        return self.findings.table.block_effects()

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """A verdict for every block, with its reasons."""
        return self.findings.suggestions

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Block → suggested verdict."""
        return {suggestion.block: suggestion.verdict for suggestion in self.suggestions}


def first_pictures(ask: AnalysisAsk, bench: Bench) -> AnalysisPictures:
    """The first scene's pictures, all rendered."""
    source, *changed = (bench.picture(job) for job in ask.jobs(0))
    return AnalysisPictures(ask.value, ask.scenes[0].seed, source, tuple(zip(ask.blocks, changed, strict=True)))
