"""Objectives in the scenes of an analysis: what each means under the scene's mask, beside its picture without the
LoRA."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.measure import Objective
from blockweight.plan import Job, Variant
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench

TITLE = "Without the LoRA"


def without_lora(ask: AnalysisAsk, scene: int) -> Job:
    """The scene's picture without the LoRA."""
    return Job(ask.scenes[scene], ask.lora, Variant("no LoRA", None))


def objectives_in(ask: AnalysisAsk, bench: Bench) -> list[Mapping[str, Objective]]:
    """Name → objective, scene by scene. What compares is compared with the picture without the LoRA, which is rendered
    if one does. Paused if it is stopped before."""
    compares = any(aim.compares for aim in ask.aims)
    if compares:
        bench.render(TITLE, [without_lora(ask, scene) for scene in range(len(ask.scenes))])
    return [
        {
            aim.name: aim.objective(ask.mask(scene), bench.picture(without_lora(ask, scene)) if aim.compares else None)
            for aim in ask.aims
        }
        for scene in range(len(ask.scenes))
    ]
