"""`blockweight tune auto` against coordinate descent with AddSub 0.5, 0.25, 0.1, at equal numbers of pictures.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/search.py --out bench-search [--repetitions 10] [--trials 50]
    .venv/bin/python benchmarks/search.py --out bench-search --lora gobuhime --repetitions 10

On the embedded model. A pool of scenes (seeds 1001 on, ten prompts in turns) is analysed once, each block at 0.5 and
the others at 1, inside and outside of her look; nobody is charged for that, since everybody begins with it. A
repetition draws some of the pool to search in and others to hold out, and every way may try the same number of
different weights, each a picture a scene:

- `search`: tune auto, objectives `raise kept, lower green:outside`, segments and first points from the analysis;
- `blocks`: the tutorial's way, scripted: from all ones, the block that does most outside first, each moved by -0.5 and
  +0.5 within 0 to 1 and left where that is best, then by 0.25, then by 0.1, and by 0.1 again until nothing moves or the
  pictures are spent;
- `segments`: the same, moving whole segments of the search: what the search gains beside having fewer dimensions.

Every way ends with the weights that have the largest `gain` among what it tried: kept − bleed, where bleed is
green:outside as a share of that with all blocks at 1. `front` is the area (kept, 1 − bleed, both cut to 0…1) under all
that it tried: what a person can choose from. `held` is the gain of the same weights in the scenes held out. Differences
are means over the repetitions with 95 % t intervals (repetitions share pool scenes, so they are somewhat narrow).

Everything is kept in the project in `--out`: after a stop the same command goes on and renders nothing twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from blockweight.demo import embedded
from blockweight.measure import KEPT, Mean, parse_wishes
from blockweight.plan import Variant
from blockweight.project import LOG, MaskStore, SearchPlan
from blockweight.render.local import LocalRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.search.asking import CHOICES, SearchAsked, ask_search, references
from blockweight.workflow.search.first import draw_of, space_of
from blockweight.workflow.search.measuring import Gauge, gauges
from blockweight.workflow.search.running import begin_search, planned_search, run_search
from blockweight.workflow.search.space import Point
from blockweight.workflow.search.study import SearchStudy
from blockweight.workflow.tuning_project import TuningProject, create_project, open_project
from embedded_scenes import FIRST, outfit_of, scenes_of

WISHES = "raise kept, lower green:outside"
STEPS = (0.5, 0.25, 0.1)
WAYS = ("search", "blocks", "segments")
COLUMNS = ("gain", "held", "front")


@dataclass(frozen=True)
class Result:
    """What a way came to: the gain of its best weights where it searched and in the scenes held out, and the area under
    all that it tried."""

    gain: float
    held: float
    front: float


class Repetition:
    """One draw of scenes, and what weights do there."""

    def __init__(self, tuning: TuningProject, plan: SearchPlan, bench: Bench) -> None:
        self.plan = plan
        self.searched, self.held = gauges(tuning, tuning.state(), plan, bench)
        for gauge in (self.searched, self.held):
            gauge.begin("References")

    def figures(self, gauge: Gauge, weights: Mapping[str, float]) -> tuple[float, float]:
        """(kept, bleed) of blocks at these weights, the others as the search has them."""
        variant = Variant("tried", self.plan.weights.with_weights(dict(weights)))
        gauge.bench.render("Trial", gauge.jobs([variant]))
        return self._shares(gauge, gauge.means(variant))

    def of_point(self, found: Sequence[float]) -> tuple[float, float]:
        return self._shares(self.searched, found)

    def _shares(self, gauge: Gauge, found: Sequence[float]) -> tuple[float, float]:
        told = dict(zip((wish.name for wish in gauge.wishes), found, strict=True))
        (bleed,) = (value for name, value in told.items() if name != KEPT)
        return told[KEPT], bleed / self._everything(gauge)

    @cache  # noqa: B019 - a repetition lives as long as the benchmark
    def _everything(self, gauge: Gauge) -> float:
        return gauge.means(gauge.beside[1])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lora", default="gobuhime-locon")
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--pool", type=int, default=16, help="scenes")
    parser.add_argument("--scenes", type=int, default=4, help="to search in")
    parser.add_argument("--held", type=int, default=6)
    parser.add_argument("--sampler", default="", help="gp, tpe or nsga2 in place of the usual one")
    given = parser.parse_args()
    rows: dict[str, list[Result]] = {way: [] for way in WAYS}
    with pool_project(given.out / given.lora, given.lora, given.pool) as tuning:
        renderer = cache(LocalRenderer)
        for number in range(given.repetitions):
            plan = drawn(tuning, number, given)
            bench = Bench(tuning.project, renderer, SilentProgress())
            repetition = Repetition(tuning, plan, bench)
            run_search(tuning, renderer, SilentProgress())
            for way in WAYS:
                rows[way].append(result_of(way, tuning, repetition))
            told = "  ".join(f"{way} {row[-1].gain:+.3f}/{row[-1].held:+.3f}" for way, row in rows.items())
            print(f"repetition {number + 1}: gain/held  {told}", flush=True)
    print_table(rows)


def pool_project(folder: Path, lora: str, count: int) -> TuningProject:
    """The project with all scenes of the pool, analysed."""
    seeds = range(FIRST, FIRST + count)
    scenes = scenes_of(seeds)
    there = (folder / LOG).exists()
    tuning = open_project(folder) if there else create_project(folder, embedded.lora_file(lora), scenes, name="search")
    if not tuning.state().analyses:
        acts.set_scenes(tuning, scenes)
        masks = tuple(MaskStore(folder).save(embedded.look_mask(outfit_of(seed).outfit)) for seed in seeds)
        plan_analysis(tuning, Wanted(masks=masks, region="her look"))
        render_analysis(tuning, cache(LocalRenderer), SilentProgress())
    return tuning


def drawn(tuning: TuningProject, number: int, given: argparse.Namespace) -> SearchPlan:
    """Draw a repetition's scenes and plan its search, unless that is planned already."""
    scenes, held = given.scenes, given.held
    seeds = sorted(np.random.default_rng(number).permutation(given.pool)[: scenes + held] + FIRST)
    acts.set_scenes(tuning, scenes_of([int(seed) for seed in seeds]))
    beside = (scenes + held) * len(references(tuning.state(), tuning.state().weights)) + held * CHOICES
    asked = SearchAsked(
        objectives=(WISHES,),
        budget=f"{beside + given.trials * scenes}pictures",
        hold_out=held / (scenes + held),
        sampler=given.sampler,
        seed=number,
    )
    begin_search(tuning, ask_search(tuning, asked))
    return planned_search(tuning.state())


def result_of(way: str, tuning: TuningProject, repetition: Repetition) -> Result:
    if way == "search":
        tried = searched(tuning, repetition)
    elif way == "segments":
        tried = descent(repetition, {segment.name: segment.blocks for segment in repetition.plan.segments})
    else:
        tried = descent(repetition, {block: (block,) for block in strongest_first(tuning, repetition.plan)})
    best = max(tried, key=lambda each: gain(each[1]))
    held = gain(repetition.figures(repetition.held, best[0]))
    return Result(gain(best[1]), held, area([figures for _, figures in tried]))


Tries = list[tuple[Mapping[str, float], tuple[float, float]]]
"""Block → weight, with (kept, bleed)."""


def searched(tuning: TuningProject, repetition: Repetition) -> Tries:
    """All that the search tried."""
    plan = planned_search(tuning.state())
    with tuning.project.alone():
        wishes = parse_wishes(plan.wishes)
        answers = SearchStudy(tuning.folder / plan.folder, space_of(plan), wishes, draw_of(plan)).answers()
    return [(blocks_at(plan, answer.point), repetition.of_point(answer.found)) for answer in answers]


def blocks_at(plan: SearchPlan, point: Point) -> dict[str, float]:
    return {block: weight for segment, weight in zip(plan.segments, point, strict=True) for block in segment.blocks}


def descent(repetition: Repetition, groups: Mapping[str, Sequence[str]]) -> Tries:
    """Coordinate descent on the gain, group by group, until as many different weights are tried as the search may."""
    known: dict[tuple[float, ...], tuple[float, float]] = {}

    def figures(weights: Mapping[str, float]) -> tuple[float, float]:
        key = tuple(weights.values())
        if key not in known:
            blocks = {block: weights[name] for name, members in groups.items() for block in members}
            known[key] = repetition.figures(repetition.searched, blocks)
        return known[key]

    now = dict.fromkeys(groups, 1.0)
    best = gain(figures(now))
    walk(now, best, figures, lambda: len(known) < repetition.plan.trials)
    names = list(groups)
    return [
        ({block: weight for name, weight in zip(names, key, strict=True) for block in groups[name]}, told)
        for key, told in known.items()
    ]


def walk(
    now: dict[str, float],
    best: float,
    figures: Callable[[Mapping[str, float]], tuple[float, float]],
    more: Callable[[], bool],
) -> None:
    """Round after round, the last step again until nothing moves."""
    steps = list(STEPS)
    while steps:
        moved = False
        for name in list(now):
            for value in sorted({max(0.0, now[name] - steps[0]), min(1.0, now[name] + steps[0])} - {now[name]}):
                if not more():
                    return
                other = {**now, name: round(value, 3)}
                if gain(figures(other)) > best:
                    best, now[name], moved = gain(figures(other)), other[name], True
        if len(steps) > 1 or not moved:
            steps.pop(0)


def strongest_first(tuning: TuningProject, plan: SearchPlan) -> list[str]:
    """The blocks that the search may move, the one that does most outside her look first."""
    effects = tuning.state().analyses[-1].effects
    blocks = [block for segment in plan.segments for block in segment.blocks]
    return sorted(blocks, key=lambda block: -np.mean(effects[block]["outside"]))


def gain(figures: tuple[float, float]) -> float:
    kept, bleed = figures
    return kept - bleed


def area(points: Sequence[tuple[float, float]]) -> float:
    """Under the front of (kept, 1 − bleed), both cut to 0…1."""
    cut = sorted(((min(max(kept, 0), 1), min(max(1 - bleed, 0), 1)) for kept, bleed in points), reverse=True)
    total = height = 0.0
    for (kept, clean), (further, _) in zip(cut, [*cut[1:], (0.0, 0.0)], strict=True):
        height = max(height, clean)
        total += height * (kept - further)
    return total


def print_table(rows: Mapping[str, Sequence[Result]]) -> None:
    print(f"\n{'':<20}" + "".join(f"{column:>28}" for column in COLUMNS))
    for way, results in rows.items():
        print(f"{way:<20}" + "".join(f"{text([getattr(r, c) for r in results]):>28}" for c in COLUMNS))
    for way in WAYS[1:]:
        pairs = list(zip(rows["search"], rows[way], strict=True))
        cells = (text([getattr(one, c) - getattr(other, c) for one, other in pairs]) for c in COLUMNS)
        print(f"{'search - ' + way:<20}" + "".join(f"{cell:>28}" for cell in cells))


def text(values: Sequence[float]) -> str:
    mean = Mean(tuple(values))
    low, high = mean.interval
    return f"{mean.mean:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
