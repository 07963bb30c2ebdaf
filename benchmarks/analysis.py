"""All methods of analysis beside each other: what they cost, how they rank the blocks, how often their intervals hold.

    OMP_NUM_THREADS=1 nice -n 10 .venv/bin/python benchmarks/analysis.py --out DIR

On the embedded model, blocks at 0.5 beside 1, the mask being face and hair. `--scenes` are the pool's seeds, which take
turns with ten prompts; gradients, sketches and probes of three levels get the first half of them, screenings and
bisections the first fifth. A project a LoRA in DIR keeps pictures and answers: the same command goes on after a stop,
and renders nothing twice.

True is the mean of the analysis block by block over the whole pool. A run of n scenes is n draws from a method's pool:
`whole`, `inside` and `outside` are the mean over `--repeats` runs of Spearman's correlation between its blocks and the
true ones, and the middle 95 % of these. `rows` are what the denoiser is given in a run, `cost` their share of what the
analysis block by block takes in as many scenes. `interval_coverage.py` says how coverage is found.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from analysis_pools import GREEN, REGIONS, Gatherer, Pool, bisected_run
from blockweight.measure import CHANGE, NOISE_FLOOR, EffectTable, SequentialPlan, next_step, planned_looks
from embedded_scenes import LORAS, SEEDS, seeds_of
from interval_coverage import Design, covered, holds

Floats = NDArray[np.float64]
Run = Callable[[np.random.Generator], tuple[Floats, float]]
"""What a run says of [region, block], and how many pictures it took."""

MOST = 16
"""Scenes that an adaptive analysis may take."""

DESIGNS: tuple[Design, ...] = (2, 4, 8, (2, 2), (4, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the projects")
    parser.add_argument("--scenes", default=SEEDS, help=f"the pool's seeds; {SEEDS}")
    parser.add_argument("--loras", default=",".join(LORAS))
    parser.add_argument("--repeats", type=int, default=400)
    given = parser.parse_args()
    seeds = seeds_of(given.scenes)
    for name in given.loras.split(","):
        pools = Gatherer(name, given.out, seeds)
        truth = pools.eba()
        visible = [effect.block for effect in truth.table.effects(CHANGE) if effect.mean >= NOISE_FLOOR]
        print(
            f"\n{name}: {len(truth.table.blocks)} blocks, {len(visible)} of them change {NOISE_FLOOR:g} levels or more"
            f"; {len(seeds)} scenes of {len({scene.prompt for scene in truth.table.scenes})} prompts\n"
        )
        show_limits(truth, given.repeats)
        show_ranks(pools, truth, given.repeats)
        show_signed(pools, given.repeats)
        show_coverage(pools, truth, visible, given.repeats)
        show_spreads(pools, visible)


# ----- ranks


def show_limits(truth: Pool, repeats: int) -> None:
    """How well the truth agrees with itself, which is as far as anything can agree with it."""
    random, found = np.random.default_rng(1), []
    values = regions_of(truth.table)
    for _ in range(repeats):
        one, other = np.array_split(random.permutation(values.shape[2]), 2)
        found.append(ranks(values[:, :, one].mean(2), values[:, :, other].mean(2)))
    half = np.mean(found, 0)
    best = np.sqrt(2 * half / (1 + half))
    print("True effects of one half of the scenes with those of the other: " + numbers(half))
    print("so a measure without any error would reach about:              " + numbers(best) + "\n")


def show_ranks(pools: Gatherer, truth: Pool, repeats: int) -> None:
    true, each = regions_of(truth.table).mean(2), truth.rows
    print(f"{'':<34}{'pictures':>9}{'rows':>8}{'cost':>8}" + "".join(f"{name:>21}" for name in REGIONS))

    def row(name: str, scenes: float, pool: Pool, run: Run, times: int = repeats) -> None:
        random = np.random.default_rng(7)
        runs = [run(random) for _ in range(times)]
        found = np.array([ranks(values, true) for values, _ in runs])
        pictures = float(np.mean([count for _, count in runs]))
        rows = pictures * pool.picture_rows + scenes * pool.other_rows
        told = "".join(f"{spread(found[:, region]):>21}" for region in range(len(REGIONS)))
        print(f"{name:<34}{pictures:>9.0f}{rows:>8.0f}{rows / each / scenes:>8.1%}{told}", flush=True)

    for count in (1, 2, 4, 8):
        row(f"block by block, {scenes_text(count)}", count, truth, plain_run(truth, count))
    row(f"  adaptive, up to {MOST} scenes", MOST, truth, adaptive_run(truth), max(20, repeats // 20))
    for levels in (1, 3):
        probe = pools.probe(levels)
        for count in (1, 2, 8):
            row(
                f"probe, {levels} level{'s' * (levels > 1)}, {scenes_text(count)}",
                count,
                probe,
                plain_run(probe, count),
            )
    sketch = pools.sketch()
    for count in (1, 2):
        row(f"sketch, {scenes_text(count)}", count, sketch, plain_run(sketch, count))
    screen = pools.screen()
    for count in (1, 2):
        row(f"folded screening, {scenes_text(count)}", count, screen, plain_run(screen, count))
    groups = pools.groups()
    row("bisection, floor 0.5, 2 scenes", 2, truth, bisected_run(groups, truth.table.blocks, 0.5, 2), repeats // 4)
    row("bisection, floor 4, 2 scenes", 2, truth, bisected_run(groups, truth.table.blocks, 4.0, 2), repeats // 4)
    print()


def show_signed(pools: Gatherer, repeats: int) -> None:
    """Gradients, which need something that has a sign."""
    truth, slopes = pools.green(), pools.gradient()
    true = truth.table.values[truth.table.aspects.index(GREEN)].mean(1)
    strong = np.abs(true) >= np.abs(true).max() / 10
    print(
        f"How green the clothes become; signs of the {strong.sum()} blocks with a tenth of the largest effect or more"
    )
    print(f"{'':<34}{'pictures':>9}{'rows':>8}{'cost':>8}{'rank':>21}{'right signs':>21}")
    for name, pool in (("block by block", truth), ("gradient", slopes)):
        values = pool.table.values[pool.table.aspects.index(GREEN)]
        for count in (1, 2, 4, 8):
            random = np.random.default_rng(7)
            means = [values[:, random.integers(0, values.shape[1], count)].mean(1) for _ in range(repeats)]
            rank = spread([float(spearmanr(mean, true).statistic) for mean in means])
            signs = spread([float((np.sign(mean) == np.sign(true))[strong].mean()) for mean in means])
            rows = pool.rows * count
            print(
                f"{name + ', ' + scenes_text(count):<34}{pool.pictures * count:>9.0f}{rows:>8.0f}"
                f"{rows / truth.rows / count:>8.1%}{rank:>21}{signs:>21}",
                flush=True,
            )
    print()


def plain_run(pool: Pool, count: int) -> Run:
    values = regions_of(pool.table)

    def run(random: np.random.Generator) -> tuple[Floats, float]:
        places = random.integers(0, values.shape[2], count)
        return values[:, :, places].mean(2), pool.pictures * count

    return run


def adaptive_run(pool: Pool) -> Run:
    def run(random: np.random.Generator) -> tuple[Floats, float]:
        table = adapted(pool.table, random.choice(len(pool.table.scenes), MOST))
        measured = ~np.isnan(table.values[table.aspects.index(CHANGE)])
        return np.nanmean(regions_of(table), 2), float(measured.sum() + measured.any(0).sum())

    return run


def adapted(table: EffectTable, places: NDArray[np.intp]) -> EffectTable:
    """What an adaptive analysis of these scenes has in the end."""
    whole = table.of_scenes([int(place) for place in places])
    found = replace(whole, values=np.full_like(whole.values, np.nan))
    plan = SequentialPlan(planned_looks(len(places)))
    while wanted := next_step(found, plan).more:
        for block, scene in wanted:
            row = found.blocks.index(block)
            found.values[:, row, scene] = whole.values[:, row, scene]
    return found


def regions_of(table: EffectTable) -> Floats:
    """[region, block, scene]."""
    found: Floats = table.values[[table.aspects.index(name) for name in REGIONS]]
    return found


def ranks(found: Floats, true: Floats) -> list[float]:
    return [float(spearmanr(one, other).statistic) for one, other in zip(found, true, strict=True)]


# ----- coverage


def show_coverage(pools: Gatherer, truth: Pool, visible: Sequence[str], repeats: int) -> None:
    print(
        "Intervals at 95 % that hold the method's own mean over its scenes: of visible blocks, and the worst of these;"
    )
    print("behind the stroke how many times the mean the upper end is (with a sign: ± as a share of the effect)")
    print(f"{'':<34}" + "".join(f"{design_text(design):>26}" for design in DESIGNS))

    def row(name: str, table: EffectTable, aspect: str) -> None:
        told = []
        for design in DESIGNS:
            if drawable(table, design):
                found = covered(table, aspect, visible, design, repeats)
                told.append(f"{found.mean:.1%}, {found.worst:.0%} {found.block} / {found.factor:.1f}")
            else:
                told.append("–")
        print(f"{name:<34}" + "".join(f"{text:>26}" for text in told), flush=True)

    for region in REGIONS:
        row(f"block by block, {region}", truth.table, region)
    row("  as if pictures never leapt", replace(truth.table, leaps=False), CHANGE)
    for levels in (1, 3):
        row(f"probe, {levels} level{'s' * (levels > 1)}", pools.probe(levels).table, CHANGE)
    row("sketch", pools.sketch().table, CHANGE)
    row("folded screening", pools.screen().table, CHANGE)
    row("block by block, green", pools.green().table, GREEN)
    row("gradient, green", pools.gradient().table, GREEN)
    rate, scenes = adaptive_coverage(truth.table, visible, max(20, repeats // 20))
    print(f"adaptive, up to {MOST} scenes: {rate:.1%}, of {scenes:.1f} scenes a block\n", flush=True)


def drawable(table: EffectTable, design: Design) -> bool:
    """Whether the pool is large enough beside what is drawn of it."""
    if isinstance(design, int):
        return 2 * design <= len(table.scenes)
    prompts = [scene.prompt for scene in table.scenes]
    return sum(prompts.count(prompt) >= design[1] for prompt in set(prompts)) >= 2 * design[0]


def adaptive_coverage(table: EffectTable, visible: Sequence[str], repeats: int) -> tuple[float, float]:
    """The share of the visible blocks' intervals that hold, and how many scenes each rests on."""
    random, held, counts = np.random.default_rng(5), [], []
    for _ in range(repeats):
        found = adapted(table, random.choice(len(table.scenes), MOST, replace=False))
        for block in visible:
            effect, true = found.effect(CHANGE, block), float(table.samples(CHANGE, block).mean())
            assert effect is not None
            count = len(effect.samples)
            held.append(holds(effect, true, (1 - count / len(table.scenes)) ** -0.5, signed=False))
            counts.append(count)
    return float(np.mean(held)), float(np.mean(counts))


def show_spreads(pools: Gatherer, visible: Sequence[str]) -> None:
    """From scene to scene, of the visible blocks."""
    print("Standard deviation from scene to scene as a share of the mean: median of the visible blocks, least, most")
    named = [("block by block", pools.eba()), ("probe, 1 level", pools.probe(1)), ("sketch", pools.sketch())]
    for name, pool in named:
        samples = [pool.table.samples(CHANGE, block) for block in visible]
        found = [float(each.std(ddof=1) / each.mean()) for each in samples]
        logs = [float(np.log(each[each > 0]).std(ddof=1)) for each in samples]
        print(
            f"{name:<20}{np.median(found):.2f} ({min(found):.2f} to {max(found):.2f}); of the logarithms "
            f"{np.median(logs):.2f} ({min(logs):.2f} to {max(logs):.2f})",
            flush=True,
        )


# ----- words


def scenes_text(count: int) -> str:
    return f"{count} scene{'s' * (count > 1)}"


def design_text(design: Design) -> str:
    return scenes_text(design) if isinstance(design, int) else f"{design[0]} prompts × {design[1]}"


def numbers(values: Floats) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(REGIONS, values, strict=True))


def spread(values: Sequence[float] | Floats) -> str:
    low, high = np.quantile(values, (0.025, 0.975))
    return f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
