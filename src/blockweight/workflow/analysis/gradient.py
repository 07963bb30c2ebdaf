"""Gradients: one picture forth and back tells, to first order, what every block does for every objective."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from blockweight.measure import EffectTable, Objective, cotangents, mask_digest
from blockweight.plan import Job, Variant
from blockweight.render import Renderer, SlopeAsk, Watch, slope_renderer
from blockweight.weights import uniform
from blockweight.workflow.analysis.answers import Arrays
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.asking import answered
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.costs import calls_of
from blockweight.workflow.analysis.objectives import objectives_in

TITLE = "Going back through the pictures"

BACK = 3.0
"""How many times as long as a picture forth the way back takes, in which every step is calculated again."""


def points_of(ask: AnalysisAsk) -> tuple[float, ...]:
    """The weights of all blocks at which gradients are taken: those of the source. Midway to the other end of the range
    all the other blocks would stand elsewhere too, which is worse (docs/gradients.md)."""
    return (ask.base,)


def gradient_table(ask: AnalysisAsk, bench: Bench) -> tuple[EffectTable, float]:
    """What taking each block from `base` to `value` does to every objective, to first order, and how many rows of the
    denoiser the way there was worth. Paused if it is stopped before."""
    objectives = objectives_in(ask, bench)
    points = points_of(ask)
    jobs = [Job(scene, ask.lora, _at(ask, point)) for scene in ask.scenes for point in points]
    keys = [_key(ask, job, number // len(points)) for number, job in enumerate(jobs)]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        asks = [SlopeAsk(jobs[place], cotangents(_values(objectives[place // len(points)]))) for place in open_]
        for found in slope_renderer(renderer).slopes(asks, watch):
            yield {"blocks": np.array(found.blocks), "slopes": found.slopes, "cost": np.array(found.cost)}

    answers = answered(bench, TITLE, keys, jobs, asked)
    values = np.zeros((len(ask.aims), len(ask.blocks), len(ask.scenes)))
    for number, answer in enumerate(answers):
        places = {str(block): place for place, block in enumerate(answer["blocks"])}
        for row, block in enumerate(ask.blocks):
            # A block that the LoRA lacks moves nothing.
            slope = answer["slopes"][:, places[block]] if block in places else 0.0
            values[:, row, number // len(points)] += slope * (ask.value - ask.base) / len(points)
    table = EffectTable(tuple(aim.name for aim in ask.aims), ask.blocks, ask.scene_names, values)
    return table, sum(float(answer["cost"]) for answer in answers)


def gradient_calls(ask: AnalysisAsk) -> float:
    """About what it takes: a picture forth, and for every objective back, in rows of the denoiser."""
    each = 1 + BACK * len(ask.aims)
    return sum(each * len(points_of(ask)) * calls_of(scene) for scene in ask.scenes)


def _at(ask: AnalysisAsk, point: float) -> Variant:
    label = f"all at {point:g}"
    return Variant(label, uniform(label, ask.layout, point))


def _values(objectives: Mapping[str, Objective]) -> list[Objective]:
    return list(objectives.values())


def _key(ask: AnalysisAsk, job: Job, scene: int) -> str:
    """By all that decides the answer; what a picture is compared with follows from the scene."""
    mask = ask.mask(scene)
    told = {"job": job.key, "aims": [aim.name for aim in ask.aims], "mask": None if mask is None else mask_digest(mask)}
    return hashlib.sha256(json.dumps({"slopes": told}, sort_keys=True).encode()).hexdigest()[:32]
