"""Every method's answers in every scene of a pool, asked once and kept in a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.measure import CHANGE, INSIDE, OUTSIDE, EffectTable, measure_aspects
from blockweight.plan import Bisection, Group, Job, plan_bisection
from blockweight.project import Project
from blockweight.render.local import LocalRenderer
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.costs import calls_of
from blockweight.workflow.analysis.findings import Findings
from blockweight.workflow.analysis.methods import find
from blockweight.workflow.progress import SilentProgress
from embedded_scenes import CLOTHES, ask_of

Floats = NDArray[np.float64]
REGIONS = (CHANGE, f"{CHANGE}:{INSIDE}", f"{CHANGE}:{OUTSIDE}")
GREEN = "green:inside"
SIZE = 4
"""Blocks in a bisection's first groups."""


@dataclass(frozen=True, eq=False)
class Pool:
    """A method's table of the pool. A scene takes `pictures`, of `picture_rows` rows of the denoiser each, and
    `other_rows` beside them."""

    table: EffectTable
    pictures: float
    picture_rows: float
    other_rows: float = 0.0

    @property
    def rows(self) -> float:
        """That a scene takes."""
        return self.pictures * self.picture_rows + self.other_rows


class Gatherer:
    """The pools of one LoRA; what a project in the folder `out` has is not asked again."""

    def __init__(self, name: str, out: Path, seeds: Sequence[int]) -> None:
        self._ask = ask_of(name, seeds)
        self._green = ask_of(name, seeds, CLOTHES, GREEN)
        half = seeds[: len(seeds) // 2]
        self._half_green = ask_of(name, half, CLOTHES, GREEN)
        self._half = ask_of(name, half)
        self._fifth = ask_of(name, seeds[: len(seeds) // 5])
        self._folder = out / name
        self._found: dict[str, Pool] = {}

    @cached_property
    def _renderer(self) -> LocalRenderer:
        return LocalRenderer()

    def eba(self) -> Pool:
        return self._pool("eba", self._ask)

    def green(self) -> Pool:
        return self._pool("eba", self._green, "green")

    def gradient(self) -> Pool:
        return self._pool("gradient", self._half_green)

    def probe(self, levels: int) -> Pool:
        ask = self._ask if levels == 1 else self._half
        return self._pool("probe", replace(ask, levels=levels), f"probe {levels}")

    def sketch(self) -> Pool:
        return self._pool("sketch", self._half)

    def screen(self) -> Pool:
        return self._pool("screen", self._fifth)

    def groups(self) -> Mapping[Group, Floats]:
        """What every group that a bisection may want changes: [region, scene]."""
        ask, found = self._fifth, {}
        state = plan_bisection(ask.blocks, ask.value, ask.base, 1.0, SIZE)
        with Project(self._folder) as project:
            bench = self._bench(project)
            while wanted := state.wanted:
                for group in wanted:
                    jobs = [Job(scene, ask.lora, state.variant(ask.layout, group)) for scene in ask.scenes]
                    bench.render("Groups", jobs)
                    pairs = [(bench.picture(job), bench.picture(ask.source(n))) for n, job in enumerate(jobs)]
                    rows = [measure_aspects(REGIONS, *pair, ask.mask(n)) for n, pair in enumerate(pairs)]
                    found[group] = np.array(rows).T
                state = state.tell(dict.fromkeys(wanted, 1.0))
        return found

    def _pool(self, method: str, ask: AnalysisAsk, name: str = "") -> Pool:
        if (name or method) not in self._found:
            with Project(self._folder) as project:
                findings = find(ask, method, self._bench(project))
            self._found[name or method] = _of(findings, ask)
        return self._found[name or method]

    def _bench(self, project: Project) -> Bench:
        return Bench(project, lambda: self._renderer, SilentProgress())


def _of(findings: Findings, ask: AnalysisAsk) -> Pool:
    scenes = len(ask.scenes)
    return Pool(findings.table, findings.work.pictures / scenes, calls_of(ask.scenes[0]), findings.work.calls / scenes)


def bisected_run(
    groups: Mapping[Group, Floats], blocks: Sequence[str], floor: float, count: int
) -> Callable[[np.random.Generator], tuple[Floats, float]]:
    """A bisection by the mean change of so many scenes; blocks of a closed group have the group's."""

    def run(random: np.random.Generator) -> tuple[Floats, float]:
        places = random.integers(0, next(iter(groups.values())).shape[1], count)
        state: Bisection = plan_bisection(blocks, 0.5, 1.0, floor, SIZE)
        while wanted := state.wanted:
            state = state.tell({group: float(groups[group][0, places].mean()) for group in wanted})
        columns = [groups[group][:, places].mean(1) for group, _ in state.known for _ in group]
        return np.stack(columns, axis=1), (len(state.told) + 1) * count

    return run
