"""How well previews rank a LoRA's blocks: an Effective Block Analyzer run at full length beside faster ones.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/preview.py [--lora FILE] [--seeds 1,2]

On the embedded model. For every way: the time of the run as a share of the full one's (on a CPU, the process's own
time), Spearman's rank correlation of its blocks' Diff % with the full run's, and how many of the five strongest blocks
are among its five strongest. The last row is a full run with other seeds: as well as a run repeats.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scipy.stats import spearmanr

from blockweight.demo import embedded
from blockweight.lora import Lora, open_lora
from blockweight.measure import measure_effects
from blockweight.plan import BlockAnalysis, Job, LoraUse, Scene, plan_block_analysis, preview_of
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer, pick_device

TOP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lora", type=Path, default=embedded.lora_file("gobuhime-locon"))
    parser.add_argument("--seeds", default="1,2")
    given = parser.parse_args()
    lora, checkpoint = open_lora(given.lora), identify_checkpoint(embedded.model_folder())
    layout = lora.family.layout
    plan = plan_block_analysis(layout, lora.blocks, 0.0, 1.0)
    seeds = [int(seed) for seed in given.seeds.split(",")]

    def scenes(numbers: Sequence[int]) -> list[Scene]:
        plain = embedded.scene(checkpoint, embedded.STUDIED[0], 0)
        return [replace(plain, seed=seed, sampler="DPM++ 2M", scheduler="Karras") for seed in numbers]

    renderer = LocalRenderer(pick_device())
    measured(renderer, lora, plan, [preview_of(one) for one in scenes([99])])  # loads the model
    full, whole = measured(renderer, lora, plan, scenes(seeds))
    print(f"{len(plan.blocks)} blocks, {len(seeds)} seeds, {whole:.1f} s at full length")
    print(f"{'way':<38} {'time':>6} {'rank correlation':>17} {'of the top 5':>13}")
    for name, change in ways().items():
        found, seconds = measured(renderer, lora, plan, [change(one) for one in scenes(seeds)])
        show(name, seconds / whole, full, found)
    others, seconds = measured(renderer, lora, plan, scenes([seed + 100 for seed in seeds]))
    show("full, other seeds", seconds / whole, full, others)


def ways() -> dict[str, Callable[[Scene], Scene]]:
    def lcm(scene: Scene, steps: int) -> Scene:
        return replace(preview_of(scene), sampler="LCM", scheduler="Uniform", steps=steps, cfg_scale=1.0)

    return {
        "preview: 8 steps at half size": preview_of,
        "4 steps at half size": lambda scene: replace(preview_of(scene), steps=4),
        "8 steps at full size": lambda scene: replace(scene, steps=8),
        "all steps at half size": lambda scene: replace(preview_of(scene), steps=scene.steps),
        "LCM, 8 steps, half size, CFG 1": lambda scene: lcm(scene, 8),
        "LCM, 4 steps, half size, CFG 1": lambda scene: lcm(scene, 4),
    }


def measured(
    renderer: LocalRenderer, lora: Lora, plan: BlockAnalysis, scenes: Sequence[Scene]
) -> tuple[list[float], float]:
    """Diff % of every block, the mean over the scenes, and the seconds that rendering took."""
    use = LoraUse(str(lora.path), lora.digest)
    jobs = {(scene, variant.label): Job(scene, use, variant) for scene in scenes for variant in plan.variants()}
    renderer.check(list(jobs.values()))
    # A CPU may have other work; what this process gets of it does not depend on that.
    clock = time.process_time if renderer.device.type == "cpu" else time.perf_counter
    started = clock()
    pictures = {rendering.job.key: rendering.picture for rendering in renderer.render(list(jobs.values()))}
    seconds = clock() - started

    def picture(scene: Scene, label: str) -> object:
        return pictures[jobs[scene, label].key]

    pairs = {
        block: [(picture(scene, variant.label), picture(scene, plan.source.label)) for scene in scenes]
        for block, variant in plan.changed
    }
    return [effect.diff.mean for effect in measure_effects(pairs)], seconds


def show(name: str, share: float, full: Sequence[float], found: Sequence[float]) -> None:
    top, again = (set(sorted(range(len(one)), key=lambda n: -one[n])[:TOP]) for one in (full, found))
    rank = spearmanr(full, found).statistic
    print(f"{name:<38} {share:>5.0%} {rank:>17.2f} {len(top & again):>10} of {TOP}", flush=True)


if __name__ == "__main__":
    main()
