"""How well screenings and bisections find a LoRA's blocks, beside an analysis block by block with as many pictures.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/screening.py [--lora FILE] [--scenes 6] [--truth 16] [--repeats 200]

On the embedded model. What is true is the mean of an analysis (0.5 against 1) over `--truth` scenes. Each way gets
`--repeats` random choices among `--scenes` of them; figures are the median and the middle 95 % of these. `--pictures
FILE` keeps the pictures in a file, and takes from it those that it has.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from blockweight.demo import embedded
from blockweight.lora import open_lora
from blockweight.measure import (
    InteractionTable,
    SceneName,
    bisected_effects,
    greenness,
    main_effects,
    mean_difference,
    measure_interactions,
    screen_scene,
)
from blockweight.plan import (
    Job,
    LoraUse,
    Scene,
    Variant,
    plan_bisection,
    plan_block_analysis,
    plan_pairs,
    plan_screening,
)
from blockweight.render.local import LocalRenderer, pick_device
from embedded_scenes import CLOTHES, FIRST, masks_of, scenes_of

Array = NDArray[np.float64]
VALUE, BASE = 0.5, 1.0
FLOOR = 0.5
STRONGEST = 5


class Bench:
    """The LoRA, the scenes, and pictures of them, each rendered once."""

    def __init__(self, lora: Path, scenes: int, kept: Path | None) -> None:
        self.lora = open_lora(lora)
        seeds = range(FIRST, FIRST + scenes)
        self.scenes, self.clothes = scenes_of(seeds), masks_of(seeds, CLOTHES)
        self.layout, self.blocks = self.lora.family.layout, tuple(self.lora.blocks)
        self.use = LoraUse(str(self.lora.path), self.lora.digest)
        self.renderer = LocalRenderer(pick_device())
        self.kept = kept
        self.pictures = dict(np.load(kept)) if kept is not None and kept.exists() else {}

    def names(self, count: int) -> tuple[SceneName, ...]:
        return tuple(SceneName(scene.label, scene.seed, scene.prompt) for scene in self.scenes[:count])

    def render(self, scene: Scene, variants: Sequence[Variant]) -> NDArray[np.uint8]:
        jobs = [Job(scene, self.use, variant) for variant in variants]
        if missing := [job for job in jobs if job.key not in self.pictures]:
            self.renderer.check(missing)
            self.pictures |= {found.job.key: found.picture for found in self.renderer.render(missing)}
            if self.kept is not None:
                np.savez(self.kept, **self.pictures)
        return np.stack([self.pictures[job.key] for job in jobs])


def noisy(pictures: NDArray[np.uint8], sigma: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """As a renderer would give them whose pictures differ from time to time, by `sigma` levels in every value."""
    if not sigma:
        return pictures
    return (pictures + rng.normal(0, sigma, pictures.shape)).round().clip(0, 255).astype(np.uint8)


def analysed(pictures: NDArray[np.uint8], again: NDArray[np.uint8] | None = None) -> Array:
    """CHANGE of every block from an analysis's pictures; with the source rendered `again` what differs between the two
    is taken out, in squares, as what is random adds up."""
    off = 0.0 if again is None else mean_difference(again, pictures[0])
    found = np.array([mean_difference(picture, pictures[0]) for picture in pictures[1:]])
    beyond: Array = np.sqrt(np.maximum(found**2 - off**2, 0))
    return beyond


def changes(bench: Bench, count: int, truth: Array, repeats: int) -> None:
    """CHANGE, without noise and with."""
    analysis = plan_block_analysis(bench.layout, bench.blocks, VALUE, BASE).variants()
    plain = plan_screening(bench.layout, bench.blocks, VALUE, BASE, fold=False)
    folded = plan_screening(bench.layout, bench.blocks, VALUE, BASE)
    for sigma in (0.0, 2.0, 8.0):
        rng = np.random.default_rng(5)
        one, off, once, twice = [], [], [], []
        for scene in bench.scenes[:count]:
            found = noisy(bench.render(scene, analysis), sigma, rng)
            one.append(analysed(found))
            off.append(analysed(found, noisy(bench.render(scene, analysis[:1]), sigma, rng)[0]))
            runs = noisy(bench.render(scene, folded.variants), sigma, rng)
            once.append(screen_scene(plain, list(runs[: len(plain.variants)])).values["change"])
            twice.append(screen_scene(folded, list(runs)).values["change"])
        print(f"\nchange, noise of {sigma:g} levels{' (none)' if not sigma else ''}")
        heading("median error")
        rows = [("block by block", one, len(analysis), 2), ("noise taken out", off, len(analysis) + 1, 2)]
        rows += [("screening", once, len(plain.variants), 2), ("folded screening", twice, len(folded.variants), 1)]
        for name, values, pictures, scenes in rows:
            if name != "noise taken out" or sigma:
                compared(name, np.array(values), truth, pictures, scenes, repeats)


def figures(bench: Bench, count: int, every: Array, repeats: int) -> None:
    """A signed figure, with noise of its own."""
    analysis = plan_block_analysis(bench.layout, bench.blocks, VALUE, BASE).variants()
    folded = plan_screening(bench.layout, bench.blocks, VALUE, BASE)
    truth = every.mean(0)
    for sigma in (0.0, 1.0, 4.0, 16.0):
        rng = np.random.default_rng(5)

        def seen(
            scene: int, variants: Sequence[Variant], sigma: float = sigma, rng: np.random.Generator = rng
        ) -> Array:
            found = [green(bench, scene, picture) for picture in bench.render(bench.scenes[scene], variants)]
            return np.array(found) + rng.normal(0, sigma, len(found))

        one = np.array([(given := seen(n, analysis))[1:] - given[0] for n in range(count)])
        screened = [main_effects(folded, list(seen(n, folded.variants))) for n in range(count)]
        print(f"\ngreenness of the clothes (signed), each rendering off by {sigma:g} levels")
        heading("RMS error")
        compared("block by block", one, truth, len(analysis), 2, repeats, rms)
        values = np.array([[effect.value for effect in effects] for effects in screened])
        compared("folded screening", values, truth, len(folded.variants), 1, repeats, rms)


def green(bench: Bench, scene: int, picture: NDArray[np.uint8]) -> float:
    return greenness(picture, bench.clothes[scene])


def median_error(found: Array, truth: Array) -> float:
    """Of the blocks that do something that can be seen, relative to what each does."""
    seen = truth >= FLOOR
    return float(np.median(np.abs(found - truth)[seen] / truth[seen]))


def rms(found: Array, truth: Array) -> float:
    """Of all blocks, relative to the true effects' root mean square."""
    return float(np.sqrt(np.square(found - truth).mean() / np.square(truth).mean()))


def heading(error: str) -> None:
    print(f"{'way':<20} {'scenes':>6} {'pictures':>8}  {error:>22}  {'rank correlation':>22}")


def compared(
    name: str,
    values: Array,
    truth: Array,
    pictures: int,
    scenes: int,
    repeats: int,
    error: Callable[[Array, Array], float] = median_error,
) -> None:
    """`scenes` and three times as many."""
    rng = np.random.default_rng(7)
    for number in (scenes, 3 * scenes):
        if number > len(values):
            continue
        # All orders of all scenes would give the same mean, so then there is one choice only.
        chosen = [rng.permutation(len(values))[:number] for _ in range(repeats if number < len(values) else 1)]
        means = [values[places].mean(0) for places in chosen]
        errors = spread([error(found, truth) for found in means])
        ranks = spread([float(spearmanr(found, truth).statistic) for found in means])
        print(f"{name:<20} {number:>6} {number * pictures:>8}  {errors:>22}  {ranks:>22}", flush=True)


def spread(values: Sequence[float]) -> str:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})" if len(values) > 1 else f"{middle:.2f}"


def states(bench: Bench, count: int) -> None:
    """How far a screening is from the analysis of the same scenes, where no choice of scenes plays a part."""
    analysis = plan_block_analysis(bench.layout, bench.blocks, VALUE, BASE).variants()
    shown = bench.scenes[:count]
    truth = np.mean([analysed(bench.render(scene, analysis)) for scene in shown], 0)
    print(f"\nagainst the analysis of the same {count} scenes")
    for value, base in ((0.5, 1.0), (0.75, 1.25)):
        plan = plan_screening(bench.layout, bench.blocks, value, base)
        found = [screen_scene(plan, list(bench.render(scene, plan.variants))) for scene in shown]
        mean = np.mean([scene.values["change"] for scene in found], 0)
        noise, pairs = (float(np.mean([getattr(scene, name) for scene in found])) for name in ("noise", "pairs"))
        print(
            f"screening {value:g} against {base:g}: median error {median_error(mean, truth):.2f}, rank correlation "
            f"{spearmanr(mean, truth).statistic:.2f}; spare columns {noise:.2f} levels, pairs {pairs:.2f}"
        )


def bisected(bench: Bench, count: int, floors: Sequence[float]) -> None:
    """With answers that are means over the scenes."""
    shown, names = bench.scenes[:count], bench.names(count)
    analysis = plan_block_analysis(bench.layout, bench.blocks, VALUE, BASE)
    truth = np.mean([analysed(bench.render(scene, analysis.variants())) for scene in shown], 0)
    print(f"\nbisection, means of {count} scenes, {len(bench.blocks) + 1} pictures a scene block by block")
    print(f"{'floor':>5} {'group':>5} {'blocks over it':>14} {'found':>5} {'pictures a scene':>16}")
    for floor in floors:
        for size in (2, 4, 8):
            state, samples = plan_bisection(bench.blocks, VALUE, BASE, floor, size), {}
            while wanted := state.wanted:
                for group in wanted:
                    variants = [state.source(bench.layout), state.variant(bench.layout, group)]
                    samples[group] = {"change": [float(analysed(bench.render(scene, variants))[0]) for scene in shown]}
                state = state.tell({group: float(np.mean(samples[group]["change"])) for group in wanted})
            found = bisected_effects(state, names, samples)
            over = [block for block, effect in zip(bench.blocks, truth, strict=True) if effect >= floor]
            right = [block for block in over if block not in found.bounded]
            print(f"{floor:>5g} {size:>5} {len(over):>14} {len(right):>5} {len(samples) + 1:>16}", flush=True)


def interactions(bench: Bench, count: int, truth: Array) -> None:
    """Of the strongest blocks."""
    strongest = sorted(np.argsort(-truth)[:STRONGEST])
    plan = plan_pairs(bench.layout, [bench.blocks[place] for place in strongest], VALUE, BASE)
    sizes = []
    for scene in bench.scenes[:count]:
        source, *others = bench.render(scene, plan.variants())
        singles, pairs = dict(zip(plan.blocks, others, strict=False)), others[len(plan.blocks) :]
        named = {pair: picture for (pair, _), picture in zip(plan.pairs, pairs, strict=True)}
        sizes.append(measure_interactions(plan.blocks, source, singles, named))
    table = InteractionTable(plan.blocks, bench.names(count), np.array(sizes))
    print(f"\ninteractions of the {STRONGEST} strongest blocks, relative to the smaller effect, {count} scenes")
    for first, second in table.pairs():
        effect = table.pair(first, second)
        shown = "" if effect is None else effect.text(2)
        print(f"{first + ' + ' + second:<16} {shown:<16} {table.verdict(first, second).value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lora", type=Path, default=embedded.lora_file("gobuhime-locon"))
    parser.add_argument("--scenes", type=int, default=6, help="that are screened")
    parser.add_argument("--truth", type=int, default=16, help="scenes of the analysis that counts as true")
    parser.add_argument("--repeats", type=int, default=200, help="choices among the scenes")
    parser.add_argument("--pictures", type=Path, help="an .npz to keep them in")
    given = parser.parse_args()
    bench = Bench(given.lora, max(given.truth, given.scenes), given.pictures)
    analysis = plan_block_analysis(bench.layout, bench.blocks, VALUE, BASE).variants()
    taken = [bench.render(scene, analysis) for scene in bench.scenes[: given.truth]]
    truth = np.mean([analysed(pictures) for pictures in taken], 0)
    green_ones = [[green(bench, n, picture) for picture in pictures] for n, pictures in enumerate(taken)]
    signed = np.array([np.array(found[1:]) - found[0] for found in green_ones])
    seen = int((truth >= FLOOR).sum())
    print(f"{len(bench.blocks)} blocks, {seen} of them over {FLOOR:g} levels")
    changes(bench, given.scenes, truth, given.repeats)
    figures(bench, given.scenes, signed, given.repeats)
    interactions(bench, min(4, given.scenes), truth)
    bisected(bench, min(2, given.scenes), (0.5, 4.0))
    states(bench, min(2, given.scenes))


if __name__ == "__main__":
    main()
