"""How well probes rank a LoRA's blocks: beside an Effective Block Analyzer run over the same scenes, and at what cost.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/probe.py [--scenes SEEDS] [--loras NAMES] [--cache DIR]

On the embedded model, blocks at 0.5 beside 1; SEEDS are as in 1001-1016,2001-2020, one scene each. Ranks are compared
by Spearman's correlation over the blocks, of the means over scenes; the interval is the bootstrap's over scenes. Cost
is the rows that the denoiser evaluates, with those of the sources' ways, as a share of what the analysis takes:
(blocks + 1) × steps × 2 a scene. With --cache, what was measured of a scene is kept there and not measured again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from blockweight.demo import embedded
from blockweight.lora import open_lora
from blockweight.measure import Mask, Picture, map_values, mask_cells
from blockweight.plan import BlockAnalysis, LoraUse, plan_block_analysis
from blockweight.render import ProbeAsk, step_near
from blockweight.render.local import LocalRenderer
from embedded_scenes import LOOK, masks_of, scenes_of, seeds_of

Floats = NDArray[np.float64]
STEPS = (0, 2, 3, 4, 5, 6, 7, 8, 9, 11)
REGIONS = ("whole", "inside", "outside")
SPREAD = (4.0, 2.0, 1.0)
REPETITIONS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", default="1001-1016")
    parser.add_argument("--loras", default="gobuhime-locon,gobuhime")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    if given.cache is not None:
        given.cache.mkdir(parents=True, exist_ok=True)
    renderer = LocalRenderer()
    for name in given.loras.split(","):
        lora = open_lora(embedded.lora_file(name))
        plan = plan_block_analysis(lora.family.layout, lora.blocks, 0.5, 1.0)
        use = LoraUse(str(lora.path), lora.digest)
        measured = [of_scene(renderer, plan, use, seed, given.cache) for seed in seeds_of(given.scenes)]
        print(f"\n{name}: {len(plan.blocks)} blocks, {len(measured)} scenes, CFG {embedded.CFG_SCALE:g}\n")
        show_settings(measured)
        show_aspects(measured)


@dataclass(frozen=True, eq=False)
class Measured:
    """Of one scene: by the analysis, `eba[aspect, region, block]`; by probes at the levels `sigmas`, the maps' means
    `maps[level, region, block]` and the aspects of the decoded estimates, `seen[level, aspect, region, block]`."""

    eba: Floats
    sigmas: Floats
    maps: Floats
    seen: Floats


def of_scene(renderer: LocalRenderer, plan: BlockAnalysis, use: LoraUse, seed: int, cache: Path | None) -> Measured:
    (scene,) = scenes_of([seed])
    ask = ProbeAsk(scene, use, plan.source, tuple(variant for _, variant in plan.changed), STEPS, decode=True)
    kept = None if cache is None else cache / f"{ask.key}.npz"
    if kept is not None and kept.exists():
        with np.load(kept) as found:
            return Measured(found["eba"], found["sigmas"], found["maps"], found["seen"])
    renderer.check(ask.jobs)
    made = {rendering.job.key: rendering.picture for rendering in renderer.render(ask.jobs)}
    source, *changed = (made[job.key] for job in ask.jobs)
    (answer,) = renderer.probe([ask])
    (mask,) = masks_of([seed], LOOK)
    maps, seen = [], []
    for level in answer.levels:
        assert level.source is not None
        maps.append([map_values(level.maps, under) for under in (None, mask, ~mask)])
        seen.append(aspects(level.pictures, level.source, mask))
    measured = Measured(
        aspects(changed, source, mask),
        np.array([level.sigma for level in answer.levels]),
        np.array(maps),
        np.array(seen),
    )
    if kept is not None:
        np.savez(kept, **vars(measured))
    return measured


# Plain stand-ins, each of which sees one aspect more than the others.
def change(difference: Floats) -> Floats:
    return np.abs(difference).mean(2)


def colour(difference: Floats) -> Floats:
    """Of the means of 4×4 pixels."""
    return np.abs(blocks_of(difference, 4)).mean(2)


def structure(difference: Floats) -> Floats:
    """Of the steps of brightness from pixel to pixel."""
    grey = difference.mean(2)
    found = np.zeros_like(grey)
    found[:, 1:] += np.abs(np.diff(grey, axis=1))
    found[1:] += np.abs(np.diff(grey, axis=0))
    return found


def layout(difference: Floats) -> Floats:
    """Of the means of 8×8 pixels."""
    return np.abs(blocks_of(difference, 8)).mean(2)


def blocks_of(pixels: Floats, side: int) -> Floats:
    height, width = pixels.shape[:2]
    return pixels.reshape(height // side, side, width // side, side, -1).mean((1, 3))


ASPECTS: dict[str, Callable[[Floats], Floats]] = {
    "change": change,
    "colour": colour,
    "structure": structure,
    "layout": layout,
}


def aspects(pictures: Sequence[Picture], source: Picture, mask: Mask) -> Floats:
    """[aspect, region, block], in levels."""
    found = np.zeros((len(ASPECTS), len(REGIONS), len(pictures)))
    for block, picture in enumerate(pictures):
        difference = picture.astype(np.float64) - source
        for aspect, of in enumerate(ASPECTS.values()):
            values = of(difference)
            inside = mask_cells(mask, values.shape)
            for region, share in enumerate((np.ones_like(inside), inside, 1 - inside)):
                found[aspect, region, block] = (values * share).sum() / share.sum()
    return found


def show_settings(measured: Sequence[Measured]) -> None:
    """How each setting ranks the blocks by their mean change."""
    truth = np.array([one.eba[0] for one in measured])  # scene, region, block
    maps = np.array([one.maps for one in measured])  # scene, level, region, block
    sigmas, (scenes, _, blocks) = measured[0].sigmas, truth.shape
    usual = step_near(sigmas.tolist())
    spread = [step_near(sigmas.tolist(), sigma) for sigma in SPREAD]
    analysis = (blocks + 1) * embedded.STEPS * 2

    def cost(levels: Sequence[int], part: float) -> float:
        steps = [STEPS[level] for level in levels]
        return part * 2 * (max(steps) + len(steps) * (1 + blocks)) / analysis

    one = maps[:, usual]
    three = (maps[:, spread] / maps[:, spread].mean((0, 3), keepdims=True)).mean(1)
    two, thirds, few = scenes // 2, scenes // 3, min(8, scenes)
    rows = [
        (f"one level, σ {sigmas[usual]:.1f}, every scene", cost([usual], 1), one, scenes),
        ("  the same, every second scene (the default)", cost([usual], two / scenes), one, two),
        ("  the same, every third scene", cost([usual], thirds / scenes), one, thirds),
        ("  the same, eight of the scenes", cost([usual], few / scenes), one, few),
        (
            "three levels, " + ", ".join(f"{sigmas[at]:.1f}" for at in spread) + ", every scene",
            cost(spread, 1),
            three,
            scenes,
        ),
        ("  the same, every second scene", cost(spread, two / scenes), three, two),
        ("the analysis itself, one scene of these", 1 / scenes, truth, 1),
        ("  eight of the scenes", few / scenes, truth, few),
        ("  every second scene", two / scenes, truth, two),
    ]
    print(f"{'':<52} {'rows':>6} " + " ".join(f"{region:>21}" for region in REGIONS))
    for name, share, values, used in rows:
        print(f"{name:<52} {share:>6.1%} " + " ".join(f"{text(values[:, r], truth[:, r], used):>21}" for r in range(3)))
    random = np.random.default_rng(0)
    halves = [np.array_split(random.permutation(scenes), 2) for _ in range(REPETITIONS)]
    again = [np.mean([rank(truth[a, r], truth[b, r]) for a, b in halves]) for r in range(3)]
    name = "the analysis of one half of the scenes with the other"
    print(f"{name:<52} {'':>6} " + " ".join(f"{value:>21.3f}" for value in again) + "\n")


def text(found: Floats, truth: Floats, used: int) -> str:
    """The mean over choices of so many scenes of these, and the bootstrap's interval."""
    random = np.random.default_rng(1)
    scenes = len(truth)
    plain, drawn = [], []
    for _ in range(REPETITIONS):
        chosen = random.permutation(scenes)[:used]
        plain.append(rank(found[chosen], truth))
        again = random.integers(0, scenes, scenes)
        drawn.append(rank(found[again[:used]], truth[again]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.mean(plain):.3f} [{low:.3f}, {high:.3f}]"


def show_aspects(measured: Sequence[Measured]) -> None:
    """How the decoded estimate of each level ranks the blocks by each aspect."""
    truth = np.array([one.eba for one in measured]).mean(0)
    seen = np.array([one.seen for one in measured]).mean(0)
    sigmas = measured[0].sigmas
    print(f"{'decoded, by noise level σ':<20}" + "".join(f"{sigma:>7.2f}" for sigma in sigmas) + "   best")
    for number, aspect in enumerate(ASPECTS):
        for region, where in enumerate(REGIONS):
            ranks = [float(spearmanr(level[number, region], truth[number, region]).statistic) for level in seen]
            label = aspect if where == "whole" else f"{aspect}:{where}"
            best = sigmas[int(np.argmax(ranks))]
            print(f"{label:<20}" + "".join(f"{value:>7.3f}" for value in ranks) + f" {best:>6.2f}")


def rank(found: Floats, truth: Floats) -> float:
    return float(spearmanr(found.mean(0), truth.mean(0)).statistic)


if __name__ == "__main__":
    main()
