"""The probe: what every block changes of the model's estimate on the way to one picture a scene."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure import (
    EffectTable,
    InteractionTable,
    Mask,
    Picture,
    StepMap,
    map_values,
    mask_digest,
    measure_aspect,
    mixed_values,
    probe_table,
)
from blockweight.plan import Job, Variant
from blockweight.render import (
    PROBE_SIGMA,
    Pair,
    ProbeAsk,
    Probed,
    Prober,
    Renderer,
    Watch,
    paired,
    prober_of,
    step_near,
)
from blockweight.workflow.analysis.answers import Arrays, answer_key
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.asking import answered
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.costs import calls_of
from blockweight.workflow.analysis.pairs import SCENES as PAIR_SCENES
from blockweight.workflow.analysis.pairs import strongest

TITLE = "Probing the blocks"
PAIRS_TITLE = "Probing pairs of blocks"

SIGMAS: Mapping[int, tuple[float, ...]] = {
    1: (PROBE_SIGMA,),
    2: (3.0, 1.0),
    3: (4.4, PROBE_SIGMA, 1.0),
    4: (6.0, 2.3, 1.0, 0.4),
    5: (10.0, 4.4, PROBE_SIGMA, 1.0, 0.4),
}
"""How many levels → the noise levels that are probed, as ratios of noise to picture (docs/probe.md says why)."""

LEVELS = 1
"""The usual number: the level that ranks blocks best."""


@dataclass(frozen=True)
class ProbedBlocks:
    """What a probe found: effects in the probe's own unit, the same step by step, pairs if they were asked for, and how
    many rows the denoiser was given."""

    table: EffectTable
    steps: StepMap
    interactions: InteractionTable | None
    calls: float


def probe_blocks(ask: AnalysisAsk, bench: Bench) -> ProbedBlocks:
    """Probe every scene. Paused if it is stopped before; BlockweightError if the renderer gives finished pictures only,
    or the scenes have other samplers or steps."""
    _check_alike(ask)
    changed = tuple(variant for _, variant in ask.plan.changed)
    jobs = [ask.source(place) for place in range(len(ask.scenes))]
    keys = [_key(ask, job, ask.columns, ask.levels) for job in jobs]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        prober = prober_of(renderer)
        asks = [_ask(ask, prober, place, changed) for place in open_]
        _check_steps([each.steps for each in asks])
        for place, found in zip(open_, prober.probe(asks, watch), strict=True):
            mask = ask.mask(place)
            masks = None if mask is None else [mask]
            table = probe_table([found], ask.blocks, masks, _weights(found), _measures(ask))
            steps = np.stack([map_values(level.maps[: len(ask.blocks)]) for level in found.levels], axis=1)
            yield {
                "aspects": np.array(table.aspects),
                "values": table.values[:, :, 0],
                "steps": steps,
                "numbers": np.array([level.step for level in found.levels]),
                "sigmas": np.array([level.sigma for level in found.levels]),
                "calls": np.array(found.calls),
            }

    answers = answered(bench, TITLE, keys, jobs, asked)
    _check_steps([tuple(map(int, answer["numbers"])) for answer in answers])
    aspects = tuple(str(name) for name in answers[0]["aspects"])
    values = np.stack([answer["values"] for answer in answers], axis=-1).astype(np.float64)
    table = EffectTable(aspects, ask.blocks, ask.scene_names, values, leaps=False)
    steps = StepMap(
        ask.blocks,
        tuple(int(step) for step in answers[0]["numbers"]),
        tuple(float(sigma) for sigma in answers[0]["sigmas"]),
        np.stack([answer["steps"] for answer in answers]).astype(np.float64),
    )
    calls = sum(float(answer["calls"]) for answer in answers)
    pairs, more = _pairs(ask, bench, table) if ask.pairs else (None, 0.0)
    return ProbedBlocks(table, steps, pairs, calls + more)


def _weights(found: Probed) -> list[float]:
    """Only the level that ranks blocks best counts in the table; the others are for the map of blocks and steps."""
    best = min(found.levels, key=lambda level: abs(math.log(max(level.sigma, _LEAST_SIGMA) / PROBE_SIGMA)))
    return [float(level is best) for level in found.levels]


def probe_calls(ask: AnalysisAsk) -> float:
    """About what it takes, in rows of the denoiser: the way to the last level, and at every level all blocks."""
    found = 0.0
    for scene in ask.scenes:
        rows = calls_of(scene) / scene.steps
        found += rows * (scene.steps * _SHARE + len(SIGMAS[ask.levels]) * (1 + len(ask.blocks)))
    if ask.pairs:
        count = min(ask.pairs, len(ask.blocks))
        each = 1 + count + count * (count - 1) // 2
        found += sum(
            calls_of(scene) / scene.steps * (scene.steps * _SHARE + each) for scene in ask.scenes[:PAIR_SCENES]
        )
    return found


_LEAST_SIGMA = 1e-6

_SHARE = 0.55
"""Of the way, which the level that matters lies behind, about."""


def _pairs(ask: AnalysisAsk, bench: Bench, table: EffectTable) -> tuple[InteractionTable | None, float]:
    """Pairs of the strongest blocks at the one level that ranks them, in the first scenes."""
    blocks = strongest(ask, table)
    if not blocks:
        return None, 0.0
    source = ask.plan.source.weights
    assert source is not None
    both = list(combinations(range(len(blocks)), 2))
    singles = [Variant(block, source.with_weights({block: ask.value}, block)) for block in blocks]
    changed, pairs = paired(ask.plan.source, singles, both)
    places = range(min(PAIR_SCENES, len(ask.scenes)))
    jobs = [ask.source(place) for place in places]
    keys = [_key(ask, job, ("pairs", *blocks), 1) for job in jobs]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        prober = prober_of(renderer)
        asks = [_ask(ask, prober, place, changed, pairs) for place in open_]
        for found in prober.probe(asks, watch):
            sizes = np.diag(map_values(found.levels[0].maps[: len(blocks)]))
            for (i, j), size in zip(both, mixed_values([found])[0], strict=True):
                sizes[i, j] = sizes[j, i] = size
            yield {"sizes": sizes, "calls": np.array(found.calls)}

    answers = answered(bench, PAIRS_TITLE, keys, jobs, asked)
    sizes: NDArray[np.float64] = np.stack([answer["sizes"] for answer in answers]).astype(np.float64)
    table_ = InteractionTable(blocks, ask.scene_names[: len(places)], sizes, floor=_nothing(sizes))
    return table_, sum(float(answer["calls"]) for answer in answers)


def _nothing(sizes: NDArray[np.float64]) -> float:
    """What counts as no effect: a thousandth of the strongest block's."""
    return float(sizes.max()) / 1000


def _ask(
    ask: AnalysisAsk, prober: Prober, place: int, changed: tuple[Variant, ...], pairs: tuple[Pair, ...] = ()
) -> ProbeAsk:
    scene, source = ask.scenes[place], ask.source(place)
    levels = prober.noise_levels(source)
    sigmas = SIGMAS[1] if pairs else SIGMAS[ask.levels]
    steps = tuple(sorted({step_near(levels, sigma) for sigma in sigmas}))
    return ProbeAsk(
        scene, ask.lora, source.variant, changed, steps, decode=bool(ask.further) and not pairs, pairs=pairs
    )


def _measures(ask: AnalysisAsk) -> Mapping[str, partial[float]]:
    return {name: partial(_measure, ask, name) for name in ask.further}


def _measure(ask: AnalysisAsk, name: str, picture: Picture, source: Picture, mask: Mask | None) -> float:
    # The mask is that of the region already.
    inside = f"{name}:inside" if mask is not None else name
    return measure_aspect(inside, picture, source, mask, ask.embedder)


def _check_alike(ask: AnalysisAsk) -> None:
    first = ask.scenes[0]
    if any((each.sampler_name, each.steps) != (first.sampler_name, first.steps) for each in ask.scenes):
        raise BlockweightError(
            "A probe compares the same steps of all scenes, and these have other samplers or numbers of steps; give "
            "them the same, or use --method eba."
        )


def _check_steps(steps: Sequence[tuple[int, ...]]) -> None:
    """The same noise levels may lie at other steps where scenes differ in model or size."""
    if len(set(steps)) > 1:
        raise BlockweightError(
            "The scenes reach the noise levels of a probe at different steps, so there is no one map of them; give "
            "them the same model and size, or use --method eba."
        )


def _key(ask: AnalysisAsk, job: Job, columns: Sequence[str], levels: int) -> str:
    """By all that decides the answer."""
    place = ask.scenes.index(job.scene)
    mask = ask.mask(place)
    told = {
        "job": job.key,
        "blocks": list(ask.blocks),
        "value": float(ask.value),
        "columns": list(columns),
        "mask": None if mask is None else mask_digest(mask),
        "sigmas": list(SIGMAS[levels]),
        "embedder": ask.embedder_name,
    }
    return answer_key("probe", told)
