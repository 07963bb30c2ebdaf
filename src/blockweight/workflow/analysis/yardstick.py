"""What two seeds of a prompt differ by anyway, from the pictures that an analysis has rendered in any case."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blockweight.measure import DIFF, EffectTable, Picture, SeedFloor, diff_percent, measure_aspect, seed_floor
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench

_MOST = 8
"""Pictures of a prompt that are compared with each other: 28 pairs."""


def yardstick_of(ask: AnalysisAsk, bench: Bench, table: EffectTable) -> Mapping[str, SeedFloor]:
    """By each aspect of whole pictures without a sign; nothing where no prompt has two seeds of one size and model."""
    pictures: dict[tuple[str, int], Picture] = {}
    first = ask.scenes[0]
    for place, scene in enumerate(ask.scenes):
        told = {**scene.facts(), "seed": 0, "prompt": ""}
        rendered = bool((table.values[:, :, place] == table.values[:, :, place]).any())
        same = told == {**first.facts(), "seed": 0, "prompt": ""}
        if rendered and same and sum(prompt == scene.prompt for prompt, _ in pictures) < _MOST:
            pictures[scene.prompt, scene.seed] = bench.picture(ask.source(place))
    prompts = [prompt for prompt, _ in pictures]
    if len(set(prompts)) == len(prompts):
        return {}
    aims = {aim.name for aim in ask.aims}
    names = [name for name in ask.columns if ":" not in name and name not in aims]
    return {name: seed_floor(pictures, _measure(ask, name)) for name in names}


def _measure(ask: AnalysisAsk, name: str) -> Callable[[Picture, Picture], float]:
    def measure(picture: Picture, source: Picture) -> float:
        if name == DIFF:
            return diff_percent(picture, source, ask.threshold)
        return measure_aspect(name, picture, source, None, ask.embedder)

    return measure
