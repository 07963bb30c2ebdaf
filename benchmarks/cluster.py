"""Two workers of a cluster against one, and what sharing jobs among many costs by itself.

    .venv/bin/python benchmarks/cluster.py workers [--repetitions 3]
    .venv/bin/python benchmarks/cluster.py simulation [--workers 200] [--loras 10000] [--jobs 10]

See README.md here for what the figures mean.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from blockweight.demo import embedded
from blockweight.lora import open_lora
from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant, plan_block_analysis
from blockweight.render import (
    FakeRenderer,
    Picture,
    Renderer,
    Rendering,
    Step,
    Watch,
    identify_checkpoint,
    unwatched,
)
from blockweight.render.cluster import RayRenderer
from blockweight.render.cluster.renderer import ActorRenderer
from blockweight.render.pool import PoolRenderer, Worker
from blockweight.weights import uniform
from blockweight.workflow.renderers import AT_ONCE, local_renderer

SIZE = 64
"""Pixels of a picture of the embedded model."""

SIDE = 128
"""Pixels of a simulated picture, so that 100,000 of them would take 5 GB."""


class Instant(FakeRenderer):
    """Takes no time: four steps and a fresh grey picture."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self._loaded = ""

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        for job in jobs:
            if job.key in finished:
                continue
            if job.lora.digest != self._loaded:
                self._loaded = job.lora.digest
                self.loads += 1
            for done in range(1, 5):
                watch(Step(1, done, 4))
            yield Rendering(job, np.full((SIDE, SIDE, 3), 128, np.uint8), 0.0)


def workers(repetitions: int) -> None:
    """Pictures per second of one worker and of two, in turn, on the same cluster with a core each."""
    jobs = embedded_jobs()
    cluster = RayRenderer(partial(local_renderer, AT_ONCE, "cpu", ""), cpus=2)
    ways: dict[str, Renderer] = {
        "one worker": PoolRenderer([Worker("one", ActorRenderer(cluster.actors[0]))]),
        "two workers": cluster,
    }
    pictures: dict[str, dict[str, Picture]] = {}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way.check(jobs)
        list(way.render(jobs[: 2 * AT_ONCE]))
    for _ in range(repetitions):
        for name, way in ways.items():
            started = time.perf_counter()
            pictures[name] = {each.job.key: each.picture for each in way.render(jobs)}
            speeds[name].append(len(jobs) / (time.perf_counter() - started))
    cluster.close()
    one, two = pictures.values()
    if one.keys() != two.keys() or not all(np.array_equal(one[key], two[key]) for key in one):
        raise SystemExit("Two workers do not give the same pictures as one, so their speed means nothing.")
    ratios = [after / before for before, after in zip(*speeds.values(), strict=True)]
    print(f"{len(jobs)} pictures of {SIZE}×{SIZE}, {embedded.STEPS} steps, alike to the last bit")
    for name, found in speeds.items():
        print(f"{name:12} {spread(found)} pictures/s")
    print(f"{'ratio':12} {spread(ratios)}")


def embedded_jobs() -> list[Job]:
    """An analysis of the embedded LoRA with four seeds."""
    file = embedded.lora_file("gobuhime-locon")
    lora, checkpoint = open_lora(file), identify_checkpoint(embedded.model_folder())
    prompt = f"1girl, {embedded.TRIGGER_TAGS}, smile, red dress, meadow"
    scene = Scene(
        "benchmark", checkpoint, prompt, "", 1, embedded.STEPS, embedded.CFG_SCALE, embedded.SAMPLER,
        SIZE, SIZE,
    )  # fmt: skip
    analysis = plan_block_analysis(lora.family.layout, lora.family.layout.blocks, 0.5, 1.0)
    use = LoraUse(str(file), lora.digest)
    return [Job(replace(scene, seed=seed), use, variant) for seed in range(1, 5) for _, variant in analysis.changed]


def simulation(count: int, loras: int, each: int) -> None:
    """The cost of sharing alone: workers that take no time, and a caller who drops every picture."""
    layout = open_lora(embedded.lora_file("gobuhime-locon")).family.layout
    scene = Scene("simulated", Checkpoint("model", "c" * 64), "1girl", "", 1, 20, 7.0, "Euler a", SIDE, SIDE)
    variants = [Variant(f"{number}", uniform(f"{number}", layout, number / each)) for number in range(each)]
    jobs = [
        Job(scene, LoraUse(f"{number}.safetensors", f"{number:064x}"), variant)
        for number in range(loras)
        for variant in variants
    ]
    for job in jobs:
        job.key  # noqa: B018 - whoever plans jobs has asked for it already
    renderers = [Instant() for _ in range(count)]
    pool = PoolRenderer([Worker(f"worker {number}", made) for number, made in enumerate(renderers)])
    before = memory()
    wall, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
    seen = set()
    for rendering in pool.render(jobs):
        if rendering.job.key in seen:
            raise SystemExit("A picture came twice.")
        seen.add(rendering.job.key)
    wall, own, whole = time.perf_counter() - wall, time.thread_time() - own, time.process_time() - whole
    if len(seen) != len(jobs):
        raise SystemExit("Pictures are missing.")
    thousand = len(jobs) / 1000
    print(f"{count} workers, {len(jobs)} jobs of {loras} LoRAs, each picture once")
    print(f"coordinator's thread   {own / thousand:.3f} ms CPU a job")
    print(f"all threads            {whole / thousand:.3f} ms CPU a job, {wall / thousand:.3f} ms of time")
    print(f"LoRAs loaded           {sum(made.loads for made in renderers)}")
    print(f"memory                 {before:.0f} MB with the jobs, {memory():.0f} MB at its peak")


def memory() -> float:
    """The most that the process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} – {statistics.median(values):.2f} – {max(values):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ways = parser.add_subparsers(dest="what", required=True)
    first = ways.add_parser("workers")
    first.add_argument("--repetitions", type=int, default=3)
    second = ways.add_parser("simulation")
    second.add_argument("--workers", type=int, default=200)
    second.add_argument("--loras", type=int, default=10_000)
    second.add_argument("--jobs", type=int, default=10, help="of each LoRA")
    given = parser.parse_args()
    if given.what == "workers":
        workers(given.repetitions)
    else:
        simulation(given.workers, given.loras, given.jobs)


if __name__ == "__main__":
    main()
