"""An analysis of a person's own LoRA, from what is typed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.lora import Lora, open_lora
from blockweight.measure import DIFF_THRESHOLD, load_embedder, parse_aspects, parse_objectives
from blockweight.plan import LoraUse, Scene, preview_of, taking_turns
from blockweight.project.project import LOG, Project
from blockweight.render import Renderer
from blockweight.weights import parse_blocks
from blockweight.workflow.analysis.ask import AnalysisAsk, check_count
from blockweight.workflow.analysis.bench import Bench, Paused
from blockweight.workflow.analysis.budget import Budget, Method, parse_budget
from blockweight.workflow.analysis.estimates import Estimated, estimated
from blockweight.workflow.analysis.findings import Findings
from blockweight.workflow.analysis.methods import (
    METHODS,
    check_method,
    find,
    first_scenes,
    planned_jobs,
)
from blockweight.workflow.analysis.metric_models import model_name
from blockweight.workflow.analysis.offers import offer_within
from blockweight.workflow.analysis.written import GridLook, Written, write_findings
from blockweight.workflow.model_fit import check_models
from blockweight.workflow.own_files import load_mask, parse_range, resized_mask, say_what_plays_no_part
from blockweight.workflow.progress import Progress
from blockweight.workflow.prompt_loras import refuse_twice
from blockweight.workflow.tuning_rounds import seconds_each
from blockweight.workflow.workbench import check_alike

BUDGETED = "budgeted"
"""The event that says what a budget was found to pay for."""


@dataclass(frozen=True)
class Typed:
    """What a person asks of an analysis, as typed: empty, 0 and None are what is usual. `blocks`, `aspects` and `aims`
    are lists in one text; `masks` are files, one for all scenes or one per scene; `metric_model` is a folder with the
    model that some aspects need. Without a `method`, `budget` chooses it, and in how many of the scenes. Where not all
    scenes may be taken, their prompts take turns."""

    blocks: str = ""
    weight_range: str = "0.5,1"
    threshold: int = DIFF_THRESHOLD
    masks: tuple[Path, ...] = ()
    region: str = ""
    method: Method | None = None
    budget: str = ""
    adaptive: bool = False
    aspects: str = ""
    aims: str = ""
    pairs: int = 0
    levels: int = 1
    metric_model: Path | None = None
    strength: float = 1.0
    preview: bool = False


def analyse_lora(
    lora_path: Path,
    scenes: Sequence[Scene],
    folder: Path,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    typed: Typed = Typed(),
    look: GridLook = GridLook(),  # noqa: B008
) -> tuple[Findings, Written]:
    """Analyse a LoRA's blocks in the scenes and write what was found to `folder/analysis-01` (-02, … for further
    analyses in one project). What it will cost and be able to tell is said first.

    With `preview`, the scenes' previews are analysed; the masks are those of the whole pictures all the same. The
    renderer is made when the rest of the input has proved good, and the project when the renderer has no objection.
    BlockweightError for input that does not fit; Paused never: nobody stops it but by ending the program.
    """
    lora, ask, method, budget = _checked(lora_path, scenes, typed, progress)
    renderer = make_renderer()
    sources = [ask.source(place) for place in range(len(ask.scenes))]
    renderer.check(planned_jobs(ask, method) or sources)
    say_what_plays_no_part(lora, progress, tested=REST in ask.blocks)
    if method in ("probe", "sketch") and any(scene.hires for scene in ask.scenes):
        progress.say("Of scenes with a hires pass, the first pass is looked at.")
    with Project(folder) as project:
        bench = Bench(project, lambda: renderer, progress)
        if budget is not None:
            method, ask = _within(budget, ask, typed, bench)
        for line in estimated(project, ask, method).lines():
            progress.say(line)
        try:
            findings = find(ask, method, bench)
        except Paused as error:  # nothing here stops a bench
            raise BlockweightError("The analysis was stopped; the same command goes on with it.") from error
        if not typed.preview and findings.suggestions:
            told = {each.block: [each.verdict.value, *each.reasons] for each in findings.suggestions}
            project.record("suggested", told)
        return findings, write_findings(ask, findings, bench, look)


def estimate_lora(
    lora_path: Path, scenes: Sequence[Scene], folder: Path, progress: Progress, typed: Typed = Typed()
) -> Estimated:
    """What `analyse_lora` of these would cost now and be able to tell; nothing is rendered or written. BlockweightError
    as from there, and for a budget of time where no picture was timed yet."""
    _, ask, method, budget = _checked(lora_path, scenes, typed, progress)
    with ExitStack() as stack:
        begun = (folder / LOG).is_file()
        place = folder if begun else Path(stack.enter_context(TemporaryDirectory()))
        project = stack.enter_context(Project(place))
        if budget is not None:
            method, ask = _within(budget, ask, typed, Bench(project, _no_renderer, progress), estimate=True)
        return estimated(project, ask, method)


def _no_renderer() -> Renderer:
    raise AssertionError("an estimate renders nothing")


def _checked(
    lora_path: Path, scenes: Sequence[Scene], typed: Typed, progress: Progress
) -> tuple[Lora, AnalysisAsk, Method, Budget | None]:
    """What is asked; BlockweightError for input that does not fit."""
    check_alike(scenes)
    lora = open_lora(lora_path)
    refuse_twice(lora.digest, scenes)
    check_models(lora_path.name, lora.family.name, scenes)
    ask = _asked(lora, scenes, typed, progress)
    method: Method = typed.method or "eba"
    check_method(ask, method)
    return lora, ask, method, parse_budget(typed.budget) if typed.budget else None


def _asked(lora: Lora, scenes: Sequence[Scene], typed: Typed, progress: Progress) -> AnalysisAsk:
    """The ask; BlockweightError for input that does not fit."""
    layout = lora.family.layout
    value, base = parse_range(typed.weight_range)
    check_count(len(typed.masks), len(scenes))
    masks = [load_mask(path, *scene.picture_size) for path, scene in zip(typed.masks, scenes, strict=False)]
    if typed.budget or typed.adaptive or typed.pairs:  # not all scenes may be taken
        turns = taking_turns(scenes)
        masks = [masks[place] for place in turns] if len(masks) > 1 else masks
        scenes = [scenes[place] for place in turns]
    if typed.preview:
        scenes = [preview_of(scene) for scene in scenes]
        masks = [resized_mask(mask, *scenes[0].picture_size) for mask in masks]
    return AnalysisAsk(
        layout=layout,
        lora=LoraUse(str(lora.path), lora.digest, typed.strength),
        scenes=tuple(scenes),
        blocks=_present(lora, parse_blocks(typed.blocks, layout, empty=lora.blocks, rest=True), progress),
        value=value,
        base=base,
        masks=tuple(masks),
        region=typed.region,
        aspects=parse_aspects(typed.aspects) if typed.aspects.strip() else (),
        aims=parse_objectives(typed.aims) if typed.aims.strip() else (),
        threshold=typed.threshold,
        adaptive=typed.adaptive,
        pairs=typed.pairs,
        levels=typed.levels,
        embedder=None if typed.metric_model is None else load_embedder(typed.metric_model),
        embedder_name="" if typed.metric_model is None else model_name(typed.metric_model),
    )


def _present(lora: Lora, blocks: Sequence[str], progress: Progress) -> tuple[str, ...]:
    """Those of the blocks that the LoRA changes; BlockweightError if it changes none of them."""
    there = (*lora.blocks, *([REST] if lora.rest else []))
    absent = [block for block in blocks if block not in there]
    if len(absent) == len(blocks):
        raise BlockweightError(f"'{lora.path.name}' changes nothing in {', '.join(absent)}; it has {', '.join(there)}.")
    if absent:
        progress.say(f"Left out, because the LoRA changes nothing there: {', '.join(absent)}")
    return tuple(block for block in blocks if block in there)


def _within(
    budget: Budget, ask: AnalysisAsk, typed: Typed, bench: Bench, *, estimate: bool = False
) -> tuple[Method, AnalysisAsk]:
    """The method and the scenes that fit into the budget: those of the same command before, which may take longer than
    was thought. Without a time that was measured before, the first picture is rendered to have one."""
    known = {"budget": typed.budget.strip(), "method": typed.method, "asked": _digest(ask)}
    for event in bench.project.log.read(BUDGETED):
        by, scenes = event.body.get("by"), event.body.get("scenes")
        if {name: event.body.get(name) for name in known} == known and by in METHODS and isinstance(scenes, int):
            return by, first_scenes(ask, max(1, scenes))
    each = seconds_each(bench.project)
    if each is None and budget.pictures is None:
        if estimate:
            raise BlockweightError(
                "No picture of this project was timed yet, so nobody can say what fits into a time; give the budget in "
                "pictures, or run it."
            )
        bench.render("Timing the first picture", [ask.source(0)])
        each = seconds_each(bench.project)
    offer = offer_within(budget, ask, typed.method, each)
    if not estimate:
        bench.project.record(BUDGETED, {**known, "by": offer.method, "scenes": offer.scenes})
    return offer.method, first_scenes(ask, offer.scenes)


def _digest(ask: AnalysisAsk) -> str:
    return hashlib.sha256(json.dumps(ask.facts(), sort_keys=True, default=str).encode()).hexdigest()[:16]
