"""The jobs that one worker gets at a time: alike, so that they fit into one batch, and next to those whose model and
LoRAs it has loaded already."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from blockweight.plan import Job, Scene

Files = tuple[str, ...]
"""The digests of the files that take long to load: the model's first, then the LoRAs'."""


@dataclass(frozen=True, eq=False)
class Portion:
    """Jobs to render together. `jobs` has the finished ones too, and `missing` the keys of the others, so that a run
    that goes on makes the same batches."""

    jobs: tuple[Job, ...]
    missing: frozenset[str]

    @property
    def files(self) -> Files:
        """What a worker has loaded after it."""
        return files_of(self.jobs[0])

    @cached_property
    def effort(self) -> float:
        """How much work is missing: pixels × steps, which compares portions of one model."""
        scene = self.jobs[0].scene
        width, height = scene.picture_size
        return float(len(self.missing) * width * height * max(1, scene.steps))


def files_of(job: Job) -> Files:
    """The files that rendering it loads."""
    scene = job.scene
    return (scene.checkpoint.digest, job.lora.digest, *(other.use.digest for other in scene.loras))


def portions(jobs: Iterable[Job], finished: Collection[str], most: int) -> Iterator[Portion]:
    """The jobs, each key once, in portions of at most `most` that may share a batch, those of the same files one after
    another. Portions whose jobs are all in `finished` are left out; the others do not depend on it."""
    alike: dict[Files, dict[Hashable, dict[str, Job]]] = {}
    for job in jobs:
        alike.setdefault(files_of(job), {}).setdefault(_shared(job), {}).setdefault(job.key, job)
    for files in sorted(alike, key=lambda each: each[0]):
        for group in alike.pop(files).values():
            yield from _cut(list(group.values()), finished, most)


def _cut(jobs: Sequence[Job], finished: Collection[str], most: int) -> Iterator[Portion]:
    for start in range(0, len(jobs), most):
        part = tuple(jobs[start : start + most])
        missing = frozenset(job.key for job in part if job.key not in finished)
        if missing:
            yield Portion(part, missing)


def _shared(job: Job) -> Hashable:
    """What the jobs of one batch have in common, beside their files: the way in which they are drawn."""
    scene, lora = job.scene, job.lora
    uses = (lora.strength, lora.in_texts, lora.start, lora.stop)
    size = (scene.width, scene.height, scene.steps, scene.cfg_scale, scene.sampler, scene.scheduler)
    way = (scene.eta, scene.guidance, scene.noise_source, scene.hires)
    start = None if scene.start is None else scene.start.denoising
    return (uses, scene.loras, size, way, scene.vae, start, scene.controls, scene.preview)


def representatives(jobs: Iterable[Job]) -> list[Job]:
    """Enough of the jobs for a check: one of those that differ in nothing but seeds and what they are called."""
    scenes: dict[Scene, Scene] = {}
    seen: dict[Hashable, Job] = {}
    for job in jobs:
        scene = scenes.get(job.scene)
        if scene is None:
            scene = scenes[job.scene] = replace(job.scene, label="", seed=0, variation_seed=0)
        weights = job.variant.weights
        told = None if weights is None else (weights.layout, weights.values, weights.rest)
        seen.setdefault((scene, job.lora, told), job)
    return list(seen.values())
