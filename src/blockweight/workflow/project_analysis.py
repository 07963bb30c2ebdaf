"""An analysis in a tuning project's own scenes: planning it, rendering and measuring it, giving it up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora
from blockweight.measure import DIFF_THRESHOLD, Mask, mask_digest, parse_aspects, parse_objectives
from blockweight.plan import Job, LoraUse, taking_turns
from blockweight.project import (
    ANALYSIS_CANCELLED,
    ANALYSIS_PLANNED,
    MOST_LEVELS,
    AnalysisFacts,
    AnalysisPlan,
    TuningState,
    analysis_body,
)
from blockweight.render import Renderer
from blockweight.weights import parse_blocks
from blockweight.workflow.analysis.ask import AnalysisAsk, check_count, check_masks
from blockweight.workflow.analysis.bench import Bench, Paused
from blockweight.workflow.analysis.budget import Method
from blockweight.workflow.analysis.estimates import pictures_cost
from blockweight.workflow.analysis.methods import check_method, find, sure_jobs
from blockweight.workflow.analysis.pairs import pair_count
from blockweight.workflow.analysis.written import write_findings
from blockweight.workflow.places import check_places, place_of
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.tuning import record_analysis
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, RenderedPart, with_further

MOST_REGION = 80
"""Letters in a region's name."""

MOST_PAIRS = 16
"""Blocks whose pairs are measured: 120 pairs."""


@dataclass(frozen=True)
class Wanted:
    """What a person wants analysed in a project's scenes: `blocks` is an expression (empty: all that the LoRA has),
    each alone at `value` while the others stand at `base`; `masks` are names of kept masks (`save_mask`): none, one for
    all scenes, or one per scene; `region` is what they cover, in words. The rest is as in AnalysisAsk, with `aspects`
    and `aims` as they are typed; of the project's scenes the first `scenes` are taken, None for all of them; prompts
    take turns."""

    blocks: str = ""
    value: float = 0.5
    base: float = 1.0
    threshold: int = DIFF_THRESHOLD
    masks: tuple[str, ...] = ()
    region: str = ""
    method: Method = "eba"
    adaptive: bool = False
    aspects: str = ""
    aims: str = ""
    pairs: int = 0
    levels: int = 1
    scenes: int | None = None


def preview_analysis(tuning: TuningProject, wanted: Wanted, masks: Sequence[Mask] = ()) -> Cost:
    """What `plan_analysis` of these would cost now, as pictures of its scenes; nothing is written. `masks` stand in
    for kept ones where none are named yet. Pictures of pairs are counted, though nobody knows yet of which blocks; of
    an analysis that is complete nothing is left."""
    state = tuning.state()
    plan = _planned(tuning, state, wanted, masks)
    cost = analysis_cost(tuning, state, plan)
    current = current_plan(state)
    if current is not None and found_analysis(state, current) and plan == replace(current, number=0):
        return Cost(cost.pictures, cost.pictures, 0.0)
    further = pair_count(min(plan.pairs, len(plan.blocks)), len(plan.scenes)) if plan.method == "eba" else 0
    return with_further(tuning.project, cost, further)


def asked_of(tuning: TuningProject, wanted: Wanted) -> AnalysisAsk:
    """What `plan_analysis` of these would ask, without asking it. BlockweightError as from there."""
    state = tuning.state()
    return ask_of(tuning, state, _planned(tuning, state, wanted))


def plan_analysis(tuning: TuningProject, wanted: Wanted = Wanted(), *, event_id: str = "") -> TuningState:
    """Ask for an analysis in the project's scenes. Blocks that the LoRA lacks are left out. One that was asked for
    already is not asked for twice.

    BlockweightError, with nothing planned, for blocks of which the LoRA has none, equal or infinite weights, a
    threshold outside 0…255, masks that do not fit, and what the method cannot find.
    """
    return tuning.log.add(
        ANALYSIS_PLANNED, lambda state: analysis_body(_planned(tuning, state, wanted)), event_id=event_id
    )


def render_analysis(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the latest planned analysis lacks; once nothing is left, measure it, write what it found to a folder
    of the project's, and record it.

    `stopped` is asked at every step, and so is whether the analysis was cancelled or another one planned meanwhile;
    after a stop, or a kill, the next call goes on. The renderer is made only if something is missing. BlockweightError
    if none is planned, the LoRA or a model is not where it was, or the renderer refuses.
    """
    plan = planned_analysis(tuning.state())

    def ended() -> bool:
        return stopped() or not _stands(tuning.state(), plan)

    def made() -> Renderer:
        check_places(tuning.log, plan.scenes)
        return make_renderer()

    state = tuning.state()
    if found_analysis(state, plan) is not None and not _missing(tuning, state, plan):
        return RenderedPart(0, 0)
    # The places of files may be others since.
    ask = ask_of(tuning, state, plan)
    bench = Bench(tuning.project, made, progress, ended)
    try:
        findings = find(ask, plan.method, bench)
    except Paused:
        return RenderedPart(len(bench.rendered), max(1, _missing(tuning, state, plan)))
    state = tuning.state()
    if _stands(state, plan) and found_analysis(state, plan) is None:
        folder = write_findings(ask, findings, bench).folder
        record_analysis(tuning, findings, plan.number, folder.name)
    return RenderedPart(len(bench.rendered), 0)


def cancel_analysis(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Give the planned analysis up; its pictures are kept. BlockweightError if none is planned, or it is complete."""

    def body(state: TuningState) -> dict[str, object]:
        return {"plan": planned_analysis(state).number}

    return tuning.log.add(ANALYSIS_CANCELLED, body, event_id=event_id)


def current_plan(state: TuningState) -> AnalysisPlan | None:
    """The analysis planned last that was not cancelled."""
    return next((plan for plan in reversed(state.analysis_plans) if not plan.cancelled), None)


def planned_analysis(state: TuningState) -> AnalysisPlan:
    """The analysis planned last that was not cancelled; BlockweightError if there is none."""
    plan = current_plan(state)
    if plan is None:
        raise BlockweightError("No analysis is planned; begin one with 'blockweight tune analyze'.")
    return plan


def found_analysis(state: TuningState, plan: AnalysisPlan) -> AnalysisFacts | None:
    """What the planned analysis found; None as long as it is not complete."""
    return next((found for found in state.analyses if found.plan == plan.number), None)


def ask_of(tuning: TuningProject, state: TuningState, plan: AnalysisPlan) -> AnalysisAsk:
    """The plan with its masks read. BlockweightError for a mask that is gone."""
    known = _bare_ask(state, plan)
    return replace(known, masks=tuple(mask_of(tuning, name) for name in plan.masks)) if plan.masks else known


def analysis_jobs(state: TuningState, plan: AnalysisPlan) -> tuple[tuple[Job, ...], ...]:
    """The jobs of one block at a time, jobs[scene][0] the scene's source, [1 + n] block n changed."""
    ask = _bare_ask(state, plan)
    return tuple(ask.jobs(scene) for scene in range(len(plan.scenes)))


def analysis_cost(tuning: TuningProject, state: TuningState, plan: AnalysisPlan) -> Cost:
    """The pictures of an analysis, or what asking the model takes, as pictures; of an adaptive one and of
    groups the first, and what was rendered since."""
    cost = pictures_cost(tuning.project, _bare_ask(state, plan), plan.method)
    return cost if found_analysis(state, plan) is None else replace(cost, most=None)


def _bare_ask(state: TuningState, plan: AnalysisPlan) -> AnalysisAsk:
    """The plan without its masks."""
    return _known_ask(state.subject.layout, state.lora, replace(plan, number=0, cancelled=False))


@lru_cache(maxsize=16)
def _known_ask(layout: Layout, lora: LoraUse, plan: AnalysisPlan) -> AnalysisAsk:
    """The same jobs again for the same plan: their keys are not hashed anew for every look at a page."""
    return AnalysisAsk(
        layout=layout,
        lora=lora,
        scenes=plan.scenes,
        blocks=plan.blocks,
        value=plan.value,
        base=plan.base,
        region=plan.region,
        aspects=plan.aspects,
        aims=parse_objectives(",".join(plan.aims)) if plan.aims else (),
        threshold=plan.threshold,
        adaptive=plan.adaptive,
        pairs=plan.pairs,
        levels=plan.levels,
    )


def mask_for(plan: AnalysisPlan, scene: int) -> str:
    """The name of the mask for the scene of this place, empty without one."""
    return plan.masks[scene if len(plan.masks) > 1 else 0] if plan.masks else ""


def _stands(state: TuningState, plan: AnalysisPlan) -> bool:
    current = current_plan(state)
    return current is not None and current.number == plan.number


def _missing(tuning: TuningProject, state: TuningState, plan: AnalysisPlan) -> int:
    """How many pictures are missing, at least; what an adaptive analysis will want after them nobody knows yet."""
    ask = _bare_ask(state, plan)
    return len(tuning.project.missing(sure_jobs(ask, plan.method)))


def _planned(tuning: TuningProject, state: TuningState, wanted: Wanted, given: Sequence[Mask] = ()) -> AnalysisPlan:
    """The plan; BlockweightError for what gives no analysis."""
    if not (math.isfinite(wanted.value) and math.isfinite(wanted.base)):
        raise BlockweightError("The two weights of the range must be finite numbers, as in 0.5,1.")
    if wanted.value == wanted.base:
        value = f"{wanted.value:g},{wanted.base:g}"
        raise BlockweightError(f"The range {value} compares a weight with itself; give two different ones.")
    if not 0 <= wanted.threshold <= 255:
        raise BlockweightError(f"The threshold must be 0 to 255 levels, not {wanted.threshold}.")
    if not 1 <= wanted.levels <= MOST_LEVELS:
        raise BlockweightError(f"A probe looks at 1 to {MOST_LEVELS} noise levels, not {wanted.levels}.")
    if wanted.pairs and not 2 <= wanted.pairs <= MOST_PAIRS:
        raise BlockweightError(f"Pairs are measured of 2 to {MOST_PAIRS} blocks, not of {wanted.pairs}.")
    named = wanted.masks or tuple(map(mask_digest, given))
    check_count(len(named), len(state.scenes))
    places = _places(state, wanted)
    scenes = tuple(state.scenes[place] for place in places)
    plan = AnalysisPlan(
        number=0,
        blocks=_checked_blocks(state, wanted.blocks),
        value=wanted.value,
        base=wanted.base,
        threshold=wanted.threshold,
        masks=tuple(named[place] for place in places) if len(named) > 1 else named,
        region=_checked_region(wanted.region),
        scenes=scenes,
        method=wanted.method,
        adaptive=wanted.adaptive,
        aspects=parse_aspects(wanted.aspects) if wanted.aspects.strip() else (),
        aims=tuple(aim.name for aim in parse_objectives(wanted.aims)) if wanted.aims.strip() else (),
        pairs=wanted.pairs,
        levels=wanted.levels,
        part=len(scenes) < len(state.scenes),
    )
    masks = tuple(given[place] for place in places) if len(given) > 1 else tuple(given)
    masks = masks or tuple(mask_of(tuning, name) for name in plan.masks)
    check_masks(masks, plan.scenes)
    check_method(replace(_bare_ask(state, plan), masks=masks), plan.method)
    return plan


def _places(state: TuningState, wanted: Wanted) -> tuple[int, ...]:
    """Of the project's scenes those to take, in order; where that may not be all of them, prompts take turns."""
    count = len(state.scenes)
    if wanted.scenes is not None and not 1 <= wanted.scenes <= count:
        raise BlockweightError(
            f"The project has {count} scenes, so there are no first {wanted.scenes} of them; take fewer."
        )
    if wanted.scenes in (None, count) and not wanted.adaptive and not wanted.pairs:
        return tuple(range(count))
    return taking_turns(state.scenes)[: wanted.scenes]


def _checked_blocks(state: TuningState, text: str) -> tuple[str, ...]:
    subject = state.subject
    asked = parse_blocks(text, subject.layout, empty=subject.blocks, rest=True)
    there = subject.blocks if has_rest(state) is False else (*subject.blocks, REST)
    chosen = tuple(block for block in asked if block in there)
    if not chosen:
        raise BlockweightError(
            f"'{subject.lora}' changes nothing in {', '.join(asked)}; it has {', '.join(subject.blocks)}."
        )
    return chosen


def has_rest(state: TuningState) -> bool | None:
    """Whether the project's LoRA has modules that no block claims (REST); None where its file is not in its place or
    cannot be read, so that nobody knows."""
    place = state.places.get(state.subject.digest)
    if place is None:
        return None
    try:
        return _has_rest(Path(place["path"]), place_of(Path(place["path"]))["stamp"])
    except BlockweightError:
        return None


@lru_cache(maxsize=16)
def _has_rest(lora: Path, _stamp: str) -> bool:
    """A header is read once for as long as the file's stamp stays: a page asks at every look."""
    return bool(open_lora(lora).rest)


def _checked_region(region: str) -> str:
    name = region.strip()
    if len(name) > MOST_REGION or not name.isprintable():
        raise BlockweightError(f"{quoted(region)} names no region; give at most {MOST_REGION} letters on one line.")
    return name
