"""Group screening: neighbouring blocks are changed together, and only groups that do something are halved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from blockweight.measure import CHANGE, NOISE_FLOOR, EffectTable, bisected_effects
from blockweight.plan import Bisection, Group, Job, halves, plan_bisection
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.objectives import objectives_in
from blockweight.workflow.analysis.pictures import aims_of, measured

TITLE = "Halving groups of blocks"


@dataclass(frozen=True)
class Bisected:
    """The effects, those of closed groups as bounds of their blocks', and how many pictures they took. `bounded` names
    the group for each of those blocks, which were not measured alone."""

    table: EffectTable
    bounded: Mapping[str, Group]
    pictures: int


def bisect_table(ask: AnalysisAsk, bench: Bench) -> Bisected:
    """Render and halve until every block is known, or lies in a group whose mean effect stays under the noise floor.
    Paused if it is stopped before."""
    objectives = objectives_in(ask, bench)
    plan, samples = bisection_of(ask), dict[Group, dict[str, list[float]]]()
    places = range(len(ask.scenes))
    while plan.wanted:
        bench.render(TITLE, [job for place in places for job in _jobs(ask, plan, place)])
        told: dict[Group, float] = {}
        for group in plan.wanted:
            rows = [
                measured(
                    ask,
                    bench.picture(_changed(ask, plan, group, place)),
                    bench.picture(ask.source(place)),
                    ask.mask(place),
                    objectives[place],
                )
                for place in places
            ]
            columns: Mapping[str, list[float]] = dict(zip(ask.columns, map(list, zip(*rows, strict=True)), strict=True))
            samples[group] = dict(columns)
            told[group] = float(np.mean(columns[CHANGE]))
        plan = plan.tell(told)
    known = {group: samples[group] for group, _ in plan.known}
    found = bisected_effects(plan, ask.scene_names, known)
    table = replace(found.table, signed=aims_of(ask))
    return Bisected(table, found.bounded, len(places) * (1 + len(samples)))


def bisection_of(ask: AnalysisAsk) -> Bisection:
    """The groups to begin with."""
    return plan_bisection(ask.blocks, ask.value, ask.base, NOISE_FLOOR)


def first_groups(ask: AnalysisAsk) -> list[Job]:
    """The pictures of the first groups; which others are wanted, those tell."""
    plan = bisection_of(ask)
    return [job for place in range(len(ask.scenes)) for job in _jobs(ask, plan, place)]


def all_groups(ask: AnalysisAsk) -> list[Job]:
    """The pictures of all groups, down to single blocks: all that may be wanted."""
    plan = bisection_of(ask)
    groups = [part for group in plan.groups for part in _parts(group)]
    places = range(len(ask.scenes))
    return [job for place in places
            for job in (ask.source(place), *(_changed(ask, plan, group, place) for group in groups))]  # fmt: skip


def _parts(group: Group) -> list[Group]:
    """The group and all that comes of halving it."""
    return [group, *(part for half in halves(group) for part in _parts(half))]


def _jobs(ask: AnalysisAsk, plan: Bisection, place: int) -> list[Job]:
    return [ask.source(place), *(_changed(ask, plan, group, place) for group in plan.wanted)]


def _changed(ask: AnalysisAsk, plan: Bisection, group: Group, place: int) -> Job:
    return Job(ask.scenes[place], ask.lora, plan.variant(ask.layout, group))
