"""What the log tells of analyses: what was planned or given up, and what they found. No undo takes any of it away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError
from blockweight.measure import Verdict, aspect_of, parse_objectives
from blockweight.plan import Scene
from blockweight.project.plain import Body, number_of, scene_from, texts_in, whole_in, words_in
from blockweight.project.state import scenes_body
from blockweight.weights import unknown_block

ANALYSIS_PLANNED = "analysis planned"
ANALYSIS_CANCELLED = "analysis cancelled"
ANALYSED = "analysed"
SUGGESTED = "suggested"

PLANS = frozenset({ANALYSIS_PLANNED, ANALYSIS_CANCELLED})
"""The kinds of events that plan or give up."""

METHODS = ("eba", "screen", "bisect", "probe", "sketch", "gradient")
"""How an analysis may find what the blocks do; the first is that of every plan which names none."""

MOST_LEVELS = 5
"""Noise levels that a probe looks at."""

_VERDICTS = {(verdict.value,) for verdict in Verdict}
_FOLDER = re.compile(r"analysis-\d{2,5}", re.ASCII)
_MASK = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class AnalysisPlan:
    """An analysis that was asked for. `number` is that of its event; each of `blocks` alone is rendered at `value`
    while all others stand at `base`, in `scenes`. Diff % counts differences above `threshold` (0…255 levels). `masks`
    are digests: none, one for all scenes, or one per scene; what they cover is called `region` (empty: no name).
    `method` is one of METHODS; an `adaptive` one takes further scenes only for blocks that need them. `aspects` and
    `aims` are measured beside the usual ones, and of the `pairs` strongest blocks also each two together;
    a probe looks at so many noise `levels`. Of a `part`, further scenes of the project's were left out on purpose."""

    number: int
    blocks: tuple[str, ...]
    value: float
    base: float
    threshold: int
    masks: tuple[str, ...]
    region: str
    scenes: tuple[Scene, ...]
    method: str = "eba"
    adaptive: bool = False
    aspects: tuple[str, ...] = ()
    aims: tuple[str, ...] = ()
    pairs: int = 0
    levels: int = 1
    part: bool = False
    cancelled: bool = False


@dataclass(frozen=True)
class AnalysisFacts:
    """An analysis that was measured: its event's number, block → (verdict, reasons…), and block → measure → samples,
    one a scene and None where an adaptive one took none; empty where only the suggestions were recorded. `plan` is the
    number of the plan that it completes, if any, and `folder` the name of the project's folder with all that it
    found, empty where there is none."""

    number: int
    suggestions: Mapping[str, tuple[str, ...]]
    effects: Mapping[str, Mapping[str, Any]]
    plan: int | None = None
    folder: str = ""


def analysis_body(plan: AnalysisPlan) -> dict[str, object]:
    """The body of ANALYSIS_PLANNED; what is as usual stands in none."""
    told: dict[str, object] = {
        "blocks": list(plan.blocks),
        "range": [plan.value, plan.base],
        "threshold": plan.threshold,
        "masks": list(plan.masks),
        "region": plan.region,
        **scenes_body(plan.scenes),
    }
    further = {
        "method": "" if plan.method == METHODS[0] else plan.method,
        "adaptive": plan.adaptive,
        "aspects": list(plan.aspects),
        "aims": list(plan.aims),
        "pairs": plan.pairs,
        "levels": plan.levels if plan.levels > 1 else 0,
        "part": plan.part,
    }
    return told | {name: value for name, value in further.items() if value}


class Analyses:
    """The fold over a project's events about analyses."""

    def __init__(self) -> None:
        self.plans: tuple[AnalysisPlan, ...] = ()
        self.facts: tuple[AnalysisFacts, ...] = ()

    def check(self, number: int, kind: str, body: Body, layout: Layout) -> bool:
        """Whether such an event, of one of the PLANS or ANALYSED with a plan, would change anything now;
        BlockweightError if it does not fit. KeyError, TypeError or ValueError for a body that no version wrote."""
        if kind == ANALYSIS_PLANNED:
            plan, latest = _plan_from(number, body, layout), self._latest()
            return latest is None or replace(plan, number=latest.number) != latest
        plan = self._plan(whole_in(body, "plan"))
        if kind == ANALYSED and plan.cancelled:
            raise BlockweightError("The analysis was cancelled meanwhile, so it was not recorded; plan it again.")
        if kind == ANALYSIS_CANCELLED and self._found(plan):
            raise BlockweightError("The analysis is complete, so there is nothing to cancel.")
        return not self._found(plan) if kind == ANALYSED else not plan.cancelled

    def add(self, number: int, kind: str, body: Body, layout: Layout) -> None:
        """Take an event of the PLANS in; one that does not fit changes nothing."""
        try:
            if not self.check(number, kind, body, layout):
                return
        except BlockweightError:
            return
        if kind == ANALYSIS_PLANNED:
            self.plans = (*self.plans, _plan_from(number, body, layout))
        else:
            self.plans = tuple(replace(plan, cancelled=plan.cancelled or plan.number == body["plan"])
                               for plan in self.plans)  # fmt: skip

    def add_found(self, number: int, kind: str, body: Body) -> None:
        """Take SUGGESTED in, which `analyse` records, or ANALYSED, which has the measurements too; both may tell of one
        analysis."""
        told = body if kind == SUGGESTED else body["suggestions"]
        suggestions = {block: texts_in(told, block) for block in told}
        effects = {} if kind == SUGGESTED else dict(body["effects"])
        number_of_plan = body.get("plan") if kind == ANALYSED else None
        if number_of_plan is not None:
            folder = words_in(body, "folder") if "folder" in body else ""
            if folder and not _FOLDER.fullmatch(folder):
                raise ValueError("no folder of an analysis")
            self._add_planned(AnalysisFacts(number, suggestions, effects, whole_in(body, "plan"), folder))
            return
        latest = self.facts[-1] if self.facts else None
        same = latest is not None and latest.suggestions == suggestions and latest.plan is None
        if latest is not None and same and (effects or not latest.effects):
            self.facts = (*self.facts[:-1], replace(latest, effects=effects))
        else:
            self.facts = (*self.facts, AnalysisFacts(number, suggestions, effects))

    def _add_planned(self, found: AnalysisFacts) -> None:
        plan = next((plan for plan in self.plans if plan.number == found.plan), None)
        if plan is None or plan.cancelled or self._found(plan):
            return
        if plan.method == METHODS[0]:
            _check_effects(plan, found)
        self.facts = (*self.facts, found)

    def _latest(self) -> AnalysisPlan | None:
        return next((plan for plan in reversed(self.plans) if not plan.cancelled), None)

    def _plan(self, number: int) -> AnalysisPlan:
        plan = next((plan for plan in self.plans if plan.number == number), None)
        if plan is None:
            raise BlockweightError(f"No analysis of the number {number} was planned; look at the project again.")
        return plan

    def _found(self, plan: AnalysisPlan) -> bool:
        return any(found.plan == plan.number for found in self.facts)


def _check_effects(plan: AnalysisPlan, found: AnalysisFacts) -> None:
    """KeyError, TypeError or ValueError unless every block has a verdict, and its samples."""
    wanted = ("diff", "overall", "inside", "outside") if plan.masks else ("diff", "overall")
    for block in plan.blocks:
        if found.suggestions[block][:1] not in _VERDICTS:
            raise ValueError("no verdict")
        for measure in wanted:
            samples = found.effects[block][measure]
            measured = [number_of(sample) for sample in samples if not (sample is None and plan.adaptive)]
            if len(samples) != len(plan.scenes) or not measured:
                raise ValueError("a sample per scene")


def _plan_from(number: int, body: Body, layout: Layout) -> AnalysisPlan:
    blocks, masks = texts_in(body, "blocks"), texts_in(body, "masks")
    scenes = tuple(map(scene_from, body["scenes"]))
    value, base = map(number_of, body["range"])
    threshold = whole_in(body, "threshold")
    for block in blocks:
        if block not in (*layout.blocks, REST):
            raise unknown_block(block, layout)
    if not blocks or not scenes or len(set(blocks)) != len(blocks) or value == base or threshold > 255:
        raise ValueError("no analysis")
    if len(masks) not in {0, 1, len(scenes)} or not all(map(_MASK.fullmatch, masks)):
        raise ValueError("no masks")
    method = words_in(body, "method") if "method" in body else METHODS[0]
    pairs = whole_in(body, "pairs") if "pairs" in body else 0
    levels = whole_in(body, "levels", 1) if "levels" in body else 1
    if levels > MOST_LEVELS:
        raise ValueError("no levels")
    aspects, aims = texts_in(body, "aspects"), texts_in(body, "aims")
    for aspect in aspects:
        aspect_of(aspect)
    if aims and tuple(aim.name for aim in parse_objectives(",".join(aims))) != aims:
        raise ValueError("no objectives")
    if method not in METHODS or not all(isinstance(body.get(name, False), bool) for name in ("adaptive", "part")):
        raise ValueError("no method")
    return AnalysisPlan(
        number=number,
        blocks=blocks,
        value=value,
        base=base,
        threshold=threshold,
        masks=masks,
        region=words_in(body, "region"),
        scenes=scenes,
        method=method,
        adaptive=body.get("adaptive", False),
        aspects=aspects,
        aims=aims,
        pairs=pairs,
        levels=levels,
        part=body.get("part", False),
    )
