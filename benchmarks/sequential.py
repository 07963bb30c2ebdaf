"""What a sequential analysis costs, and how often it says anything wrong of any block.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/sequential.py [--repetitions 300] [--blocks 26] [--scenes 16]

Effects are log-normal: exp(block + scene + both), where `block` is the block's typical effect and the others have
together the log sd 0.5, a third of the variance in common to all blocks of a scene. Runs:

- `all at the floor`: every block's typical effect is the noise floor, so whatever is said of one is wrong: the worst
  case;
- `the same, 4 prompts`: half of each block's own variance in common to the scenes of a prompt;
- `a LoRA`: typical effects from 0.02 to 20 levels, evenly on a logarithmic scale;
- `a LoRA, masked`: the same, inside and outside a mask, at true ratios from 1/4 to 4.

`wrong` is the share of repetitions in which anything wrong was said of any block (at most 5 % is promised) with its
95 % interval, `naively` the same when every look takes plain 95 % intervals, `settled` the share of blocks that were
settled, and `scenes` how many a block took, of all that there are.
"""

from __future__ import annotations

import argparse

import numpy as np

from blockweight.measure import (
    CLEAR_FACTOR,
    DECIDED,
    NOISE_FLOOR,
    EffectTable,
    Ground,
    GroundKind,
    SceneName,
    SequentialPlan,
    Suggestion,
    next_step,
    planned_looks,
    suggest_all,
    vote_share,
)

SPREAD = 0.5
IN_COMMON = 1 / 3
PROMPTS = 4
RUNS = ("all at the floor", "the same, 4 prompts", "a LoRA", "a LoRA, masked")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=300)
    parser.add_argument("--blocks", type=int, default=26)
    parser.add_argument("--scenes", type=int, default=16)
    given = parser.parse_args()
    random, plan = np.random.default_rng(1), SequentialPlan(planned_looks(given.scenes))
    print(f"{given.blocks} blocks, looks after {', '.join(map(str, plan.looks))} scenes")
    print(f"{'run':<20}{'wrong':>22}{'naively':>9}{'settled':>9}{'scenes':>9}")
    for run in RUNS:
        wrong = naive = 0
        settled, scenes = [], []
        for _ in range(given.repetitions):
            typical, ratio = truth(run, given.blocks, random)
            table = drawn(typical, ratio, given.scenes, PROMPTS if run == RUNS[1] else 1, random)
            step = next_step(table, plan)
            wrong += any(mistaken(step.decided, typical, ratio))
            naive += naively(table, plan, typical, ratio)
            settled.append(len(step.decided) / given.blocks)
            told = [found.ground.seeds for found in (*step.decided.values(), *step.open.values()) if found.ground]
            scenes.append(np.mean(told))
        share = vote_share(wrong, given.repetitions)
        told_wrong = f"{wrong / given.repetitions:.1%} ({share.low:.1%} to {share.high:.1%})"
        rate = naive / given.repetitions
        print(f"{run:<20}{told_wrong:>22}{rate:>9.1%}{np.mean(settled):>9.0%}{np.mean(scenes):>9.1f}", flush=True)


def truth(run: str, blocks: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Typical effect of each block, and its ratio inside to outside."""
    if run in RUNS[:2]:
        return np.full(blocks, NOISE_FLOOR), None
    typical = np.exp(random.permutation(np.linspace(np.log(0.02), np.log(20), blocks)))
    return typical, None if run == RUNS[2] else np.exp(random.permutation(np.linspace(-1, 1, blocks)) * np.log(4))


def drawn(
    typical: np.ndarray, ratio: np.ndarray | None, scenes: int, prompts: int, random: np.random.Generator
) -> EffectTable:
    prompt = np.arange(scenes) % prompts
    common = random.normal(0, SPREAD * np.sqrt(IN_COMMON), scenes)
    own = random.normal(0, SPREAD * np.sqrt(1 - IN_COMMON), (len(typical), scenes))
    if prompts > 1:
        by_prompt = random.normal(0, SPREAD * np.sqrt(1 - IN_COMMON), (len(typical), prompts))
        # What is said is said of these prompts, so the typical effect is that over them.
        own = (own + (by_prompt - by_prompt.mean(axis=1, keepdims=True))[:, prompt]) / np.sqrt(2)
    change = np.exp(np.log(typical)[:, None] + common + own)
    aspects = {"diff": np.zeros_like(change), "change": change}
    if ratio is not None:
        # Inside and outside move together: what is left between them has a quarter of the variance.
        apart = np.exp(random.normal(0, SPREAD / 2, change.shape)) * ratio[:, None]
        aspects |= {"change:inside": change * np.sqrt(apart), "change:outside": change / np.sqrt(apart)}
    names = tuple(f"B{number:02}" for number in range(len(typical)))
    where = tuple(SceneName(f"scene {number}", number, f"prompt {prompt[number]}") for number in range(scenes))
    return EffectTable(tuple(aspects), names, where, np.stack(list(aspects.values())))


def mistaken(said: dict[str, Suggestion], typical: np.ndarray, ratio: np.ndarray | None) -> list[bool]:
    """Block by block whether what is said of it is wrong."""
    found = []
    for block, each in said.items():
        number = int(block[1:])
        assert each.ground is not None
        found.append(wrong(each.ground, typical[number], None if ratio is None else ratio[number]))
    return found


def wrong(ground: Ground, typical: float, ratio: float | None) -> bool:
    # Where an effect is as large as the floor, or inside to outside as the bound, either statement is counted as wrong.
    sides = (typical,) if ratio is None else (typical * ratio**0.5, typical / ratio**0.5)
    if ground.kind in (GroundKind.NOTHING, GroundKind.NOISE):
        return max(*sides, typical) >= NOISE_FLOOR
    if ground.kind is GroundKind.NO_MASK:
        return typical <= NOISE_FLOOR
    # Effects under the floor count as the floor.
    inside, outside = (max(side, NOISE_FLOOR) for side in sides)
    usual, true = ground.typical, inside / outside
    return {
        GroundKind.WORKS_INSIDE: true <= usual * CLEAR_FACTOR or sides[0] <= NOISE_FLOOR,
        GroundKind.WORKS_ELSEWHERE: 1 / true <= CLEAR_FACTOR / min(1.0, usual) or sides[1] <= NOISE_FLOOR,
        GroundKind.USUAL: not usual / CLEAR_FACTOR <= true <= usual * CLEAR_FACTOR,
        GroundKind.LESS: true >= usual / CLEAR_FACTOR,
    }[ground.kind]


def naively(table: EffectTable, plan: SequentialPlan, typical: np.ndarray, ratio: np.ndarray | None) -> bool:
    """Whether anything wrong is said when each look takes plain 95 % intervals and decided blocks stay decided."""
    decided: dict[str, Suggestion] = {}
    for count in plan.looks:
        for each in suggest_all(table.of_scenes(range(count)).block_effects()):
            if each.ground is not None and each.ground.kind in DECIDED:
                decided.setdefault(each.block, each)
    return any(mistaken(decided, typical, ratio))


if __name__ == "__main__":
    main()
