"""Screening: every picture tells of every block, at the cost of pictures that differ in many blocks at once."""

from __future__ import annotations

from collections.abc import Sequence

from blockweight.measure import EffectTable, Picture, screening_table
from blockweight.plan import Job, Screening, plan_screening
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.objectives import objectives_in
from blockweight.workflow.analysis.pictures import joined

TITLE = "Screening the blocks"


def screening_of(ask: AnalysisAsk) -> Screening:
    """The design: folded, so that no pair of blocks passes for a block's own effect."""
    return plan_screening(ask.layout, ask.blocks, ask.value, ask.base)


def screen_jobs(ask: AnalysisAsk) -> list[list[Job]]:
    """Every run in every scene, jobs[scene][run]."""
    variants = screening_of(ask).variants
    return [[Job(scene, ask.lora, variant) for variant in variants] for scene in ask.scenes]


def screen_table(ask: AnalysisAsk, bench: Bench) -> EffectTable:
    """Render the design in every scene and estimate what each block does on average over the others. Paused if it is
    stopped before."""
    rows = screen_jobs(ask)
    bench.render(TITLE, [job for row in rows for job in row])
    masks = [ask.masks[number if len(ask.masks) > 1 else 0] for number in range(len(rows))] if ask.masks else None
    objectives = objectives_in(ask, bench)
    tables = [
        screening_table(
            screening_of(ask),
            [ask.scene_names[number]],
            [_Runs(bench, row)],
            None if masks is None else [masks[number]],
            {name: objective.value for name, objective in objectives[number].items()},
            ask.threshold,
        )
        for number, row in enumerate(rows)
    ]
    return joined(tables)


class _Runs(Sequence[Picture]):
    """Pictures that are read when they are asked for."""

    def __init__(self, bench: Bench, jobs: Sequence[Job]) -> None:
        self._bench, self._jobs = bench, jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, run: int) -> Picture:  # type: ignore[override]  # nobody asks for a slice
        return self._bench.picture(self._jobs[run])
