"""How well slopes and sketches tell what an Effective Block Analyzer run would measure, and what they cost.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/gradients.py [--lora FILE] [--scenes 16]

On the embedded model, every block from 1 to 0.5. The run draws every picture; slopes draw the source once and go
back; sketches go back through one call of the model half way. Correlations are over blocks, of the means over scenes,
with 95 % intervals by bootstrap over scenes. Costs are shares of the run's: in rows of the denoiser (of slopes and
sketches: how many would take as long), and in the process's own time.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import pearsonr, spearmanr

from blockweight.demo import embedded
from blockweight.lora import open_lora
from blockweight.measure import (
    Aim,
    EffectTable,
    SceneName,
    cotangents,
    mean_difference,
    objective_change,
    predicted_table,
    sketch_table,
)
from blockweight.plan import Job, LoraUse, Scene, Variant, plan_block_analysis
from blockweight.render import SketchAsk, SlopeAsk
from blockweight.render.local import LocalRenderer, pick_device
from blockweight.weights import uniform
from embedded_scenes import FIRST, LOOK, masks_of, scenes_of

BASE, VALUE = 1.0, 0.5
AT = 7
REGIONS = ("clothes", "face")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lora", type=Path, default=embedded.lora_file("gobuhime-locon"))
    parser.add_argument("--scenes", type=int, default=16)
    given = parser.parse_args()
    lora = open_lora(given.lora)
    use, layout = LoraUse(str(lora.path), lora.digest, 1.0), lora.family.layout
    plan = plan_block_analysis(layout, lora.blocks, VALUE, BASE)
    seeds = range(FIRST, FIRST + given.scenes)
    scenes, looks = scenes_of(seeds), masks_of(seeds, LOOK)
    masks = {name: masks_of(seeds, (name,)) for name in REGIONS}
    goals = [[Aim("green", "inside").objective(masks[name][n]) for name in REGIONS] for n in range(len(scenes))]
    names = [SceneName(scene.label, scene.seed) for scene in scenes]
    renderer = LocalRenderer(pick_device())

    def job(scene: Scene, weight: float) -> Job:
        return Job(scene, use, Variant("source", uniform("source", layout, weight)))

    list(renderer.render([job(scenes[0], BASE)]))  # loads the model
    signed = np.zeros((len(REGIONS), len(lora.blocks), len(scenes)))
    sizes = np.zeros((3, len(lora.blocks), len(scenes)))
    started, rows = time.process_time(), 0
    for n, scene in enumerate(scenes):
        jobs = [Job(scene, use, variant) for variant in plan.variants()]
        found = {each.job.key: each.picture for each in renderer.render(jobs)}
        source, *changed = (found[each.key] for each in jobs)
        rows += 2 * scene.steps * len(jobs)
        for b, picture in enumerate(changed):
            signed[:, b, n] = [objective_change(goal, picture, source) for goal in goals[n]]
            sizes[:, b, n] = [mean_difference(picture, source, mask) for mask in (None, looks[n], ~looks[n])]
    whole = time.process_time() - started
    print(f"{len(lora.blocks)} blocks, {len(scenes)} scenes: {rows} rows, {whole:.0f} s; {peak()} MB at most")
    blocks, scene_names = lora.blocks, tuple(names)
    truth = EffectTable(REGIONS, blocks, scene_names, signed)
    print(f"\n{'slopes of green':<22} {'region':<8} {'Spearman':>20} {'Pearson':>20} {'rows':>7} {'time':>7}")
    slopes, cost = {}, {}
    middle = (VALUE + BASE) / 2
    for weight in (BASE, middle):
        asks = [SlopeAsk(job(scene, weight), cotangents(goals[n])) for n, scene in enumerate(scenes)]
        slopes[weight], cost[weight] = timed(lambda asks=asks: list(renderer.slopes(asks)))
        cost[weight] = (sum(each.cost for each in slopes[weight]), cost[weight])
    ways = {"at 1": (BASE,), f"at {middle:g}": (middle,), f"at 1 and {middle:g}": (BASE, middle)}
    for title, points in ways.items():
        tables = [predicted_table(REGIONS, names, slopes[point], VALUE, BASE) for point in points]
        table = replace(tables[0], values=np.mean([each.values for each in tables], axis=0))
        share = [sum(cost[p][part] for p in points) / total for part, total in enumerate((rows, whole))]
        for region in REGIONS:
            show(title, region, matrix(truth, region, blocks), matrix(table, region, blocks), share)
    print(f"{peak()} MB at most")
    print(f"\n{f'sketch at step {AT}':<22} {'region':<8} {'Spearman':>20} {'Pearson':>20} {'rows':>7} {'time':>7}")
    for many in (1, 4, 16):
        asks = [SketchAsk(job(scene, BASE), AT, many, looks[n], seed=n) for n, scene in enumerate(scenes)]
        found, seconds = timed(lambda asks=asks: list(renderer.sketches(asks)))
        share = [sum(each.cost for each in found) / rows, seconds / whole]
        table = sketch_table(names, found, VALUE, BASE)
        for region, aspect in zip(("all", "inside", "outside"), table.aspects, strict=True):
            wanted = sizes[("all", "inside", "outside").index(region)]
            show(f"{many} projection{'s' * (many > 1)}", region, wanted, matrix(table, aspect, blocks), share)
    print(f"{peak()} MB at most")


def matrix(table: EffectTable, aspect: str, blocks: tuple[str, ...]) -> np.ndarray:
    """(blocks, scenes)."""
    return np.array([table.samples(aspect, block) for block in blocks])


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def show(title: str, region: str, truth: np.ndarray, found: np.ndarray, share: list[float]) -> None:
    drawn = np.random.default_rng(0).integers(0, truth.shape[1], (1000, truth.shape[1]))
    columns = []
    for correlation in (spearmanr, pearsonr):
        several = [correlation(truth[:, each].mean(1), found[:, each].mean(1))[0] for each in drawn]
        low, high = np.quantile(several, (0.025, 0.975))
        columns.append(f"{correlation(truth.mean(1), found.mean(1))[0]:.3f} ({low:.2f} to {high:.2f})")
    print(f"{title:<22} {region:<8} {columns[0]:>20} {columns[1]:>20} {share[0]:>7.1%} {share[1]:>7.1%}", flush=True)


def peak() -> int:
    """Of the process's memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
