"""What a search is asked for: checked against the project, and split into scenes to search in and scenes held out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import (
    ALSO,
    KEPT,
    Mask,
    Picture,
    Wish,
    mask_digest,
    parse_wishes,
    wishes_text,
)
from blockweight.plan import Job, Scene, Variant, taking_turns
from blockweight.project import SAMPLERS, AnalysisPlan, SearchPlan, TuningState, target_digest
from blockweight.render.scales import check_scales
from blockweight.weights import BlockWeights, parse_weight, uniform
from blockweight.workflow.analysis.budget import parse_budget
from blockweight.workflow.mask_files import read_picture_file
from blockweight.workflow.own_files import load_mask
from blockweight.workflow.places import place_of
from blockweight.workflow.search.also import MOST_REFERENCES, also_searched, together_references
from blockweight.workflow.search.grouping import Analysed, segments_for, usual_count
from blockweight.workflow.search.picture_model import checked_model
from blockweight.workflow.transfer import HOME, Group, analysis_masks, masks_alike, other_seeds, unmasked_scene
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import seconds_each

GRID = "0,0.25,0.5,0.75,1"
"""The weights that are tried, unless somebody says otherwise."""

BUDGET = "200pictures"
HOLD_OUT = 0.25
"""The share of the scenes that is held out, where no further seeds are drawn."""

LEAST = 2
"""Scenes to search in, and scenes held out: one says nothing about the spread."""

CHOICES = 6
"""At most so many of the front are measured in the scenes held out, and offered."""

PROCESS_UP_TO = 100
"""Trials up to which a Gaussian process proposes: it makes most of few, and reckons longer the more there are."""

GENETIC_FROM = 40
"""Trials a segment from which on NSGA-II does: it learns from whole generations, and needs several of them."""

FEWEST_TRIALS = 8
_MOST_WEIGHTS = 21


@dataclass(frozen=True)
class SearchAsked:
    """What a person asks for, as it is typed: `objectives` (`measure.parse_wishes`), `budget` (`200pictures`, `10min`),
    `segments` as text, as a number of them, or empty, `grid` of weights or two ends `between` which any weight will do;
    a share of the scenes to `hold_out`, or further seeds to hold out instead, with a mask of their own (`seeds_mask`)
    or, with `home_mask`, that of the project's scenes; a `target` picture; one of `project.SAMPLERS` to propose (empty:
    chosen by the number of trials); the `seed` of all that is drawn; and the name of a further LoRA of the scenes whose
    weights are searched `also`, in segments as text or a number of them; the folder of a `picture_model` for what one
    tells, and `examples` that it compares with."""

    objectives: tuple[str, ...] = ()
    budget: str = ""
    segments: str = ""
    grid: str = ""
    between: tuple[float, float] | None = None
    hold_out: float | None = None
    seeds: str = ""
    seeds_mask: Path | None = None
    home_mask: bool = False
    target: Path | None = None
    sampler: str = ""
    seed: int | None = None
    also: str = ""
    also_segments: str = ""
    picture_model: Path | None = None
    examples: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class AskedSearch:
    """A search that can be begun. What it needs is kept in the project only then: `masks`, the `target` and the
    `examples`; `places` says where the model of pictures lies."""

    plan: SearchPlan
    masks: tuple[Mask, ...] = ()
    target: Picture | None = None
    examples: tuple[Picture, ...] = ()
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def ask_search(tuning: TuningProject, asked: SearchAsked) -> AskedSearch:
    """Check what is asked for; nothing is written.

    Held out are the scenes that the latest analysis did not see, then those of the last turn of each prompt. Segments
    are made of the blocks that the analysis found to do something visible in the scenes that are not held out; fixed
    blocks, and all others, stay as they are. BlockweightError for no objective, a single scene to search in or hold
    out, no analysis to make segments from, and what else cannot be read or does not fit.
    """
    state = tuning.state()
    if not any(each.strip(" ,") for each in asked.objectives):
        raise BlockweightError(
            "Say what to search for with --objective, as in 'raise kept', 'raise gone', 'lower green:outside' or "
            "'kept>=80%'."
        )
    wishes = parse_wishes(",".join(asked.objectives))
    analysis = latest_effects_plan(state)
    groups = _split(state, asked, analysis)
    searched, held = _masked(tuning, state, groups, asked)
    target = _target(asked, wishes, (*searched.scenes, *held.scenes))
    for wish in wishes:
        # What is kept is told without a mask as well, but not with one in some scenes and without in others.
        needed = wish.needs_mask or (wish.name == KEPT and bool(searched.masks))
        if needed and not (searched.masks and held.masks):
            raise _maskless(state, wish, searched)
    examples = tuple(map(read_picture_file, asked.examples))
    model = checked_model(asked.picture_model, examples, wishes)
    trials = _trials(tuning, state, asked, len(searched.scenes), len(held.scenes))
    grid, limits = asked_weights(asked)
    seen = tuple(scene for scene in (() if analysis is None else analysis.scenes) if scene not in held.scenes)
    analysed = None if analysis is None else Analysed(analysis, seen, wishes, target)
    count = usual_count(trials)
    # Of two LoRAs each has half of the segments.
    segments = segments_for(tuning, state, asked.segments, analysed, count - count // 2 if asked.also else count)
    scenes = (*searched.scenes, *held.scenes)
    also = None
    if asked.also:
        also = also_searched(state, scenes, asked.also, asked.also_segments, segments, count // 2)
    elif asked.also_segments.strip() or any(wish.name == ALSO for wish in wishes):
        raise BlockweightError(
            f"{quoted(ALSO)} and --also-segments are for a further LoRA that is searched too; name it with --also."
        )
    plan = SearchPlan(
        number=0,
        wishes=wishes_text(wishes),
        segments=segments,
        weights=state.weights,
        grid=grid,
        limits=limits,
        scenes=searched.scenes,
        held=held.scenes,
        masks=tuple(map(mask_digest, searched.masks)),
        held_masks=tuple(map(mask_digest, held.masks)),
        target="" if target is None else target_digest(target),
        trials=trials,
        sampler=_sampler(asked.sampler, trials, len(segments) + (0 if also is None else len(also.segments))),
        seed=1 if asked.seed is None else asked.seed,
        analysis=0 if analysis is None else analysis.number,
        also=also,
        model=model,
        examples=tuple(map(target_digest, examples)),
    )
    for end in limits:
        point = [end] * len(plan.every_segment)
        made, beside = plan.weights_of(point, state.weights.name), plan.also_of(point)
        check_scales(made.name, made, state.subject.blocks, state.lora.strength)
        if also is not None and beside is not None:
            (strength,) = {each.use.strength for each in scenes[0].loras if each.use.digest == also.digest}
            check_scales(also.lora, beside, beside.layout.blocks, strength)
    kept = {mask_digest(mask): mask for mask in (*searched.masks, *held.masks)}
    places = {model: place_of(asked.picture_model)} if model and asked.picture_model is not None else {}
    return AskedSearch(plan, tuple(kept.values()), target, examples, places)


def references(state: TuningState, weights: BlockWeights) -> tuple[Variant, ...]:
    """What every search is compared with: no LoRA, all blocks at 1, and the weights that it starts from, if they are
    others."""
    everything = uniform("all 1", weights.layout, 1.0)
    bare = (NO_LORA, Variant(everything.name, everything))
    same = Job(state.scenes[0], state.lora, bare[1]).key == Job(state.scenes[0], state.lora, Variant("", weights)).key
    return bare if same else (*bare, Variant("as it was", weights))


def plan_references(state: TuningState, plan: SearchPlan) -> tuple[Variant, ...]:
    """What this search is compared with."""
    return references(state, plan.weights) if plan.also is None else together_references(state, plan, plan.also)


def latest_effects_plan(state: TuningState) -> AnalysisPlan | None:
    """The plan of the latest complete analysis of whole pictures."""
    plans = {plan.number: plan for plan in state.analysis_plans}
    found = (each.plan for each in reversed(state.analyses) if each.effects and each.plan in plans)
    number = next(found, None)
    return None if number is None else plans[number]


def _split(state: TuningState, asked: SearchAsked, analysis: AnalysisPlan | None) -> tuple[Group, Group]:
    """The scenes to search in, and those held out."""
    home = state.scenes
    if asked.seeds.strip():
        if asked.hold_out is not None:
            raise BlockweightError("--hold-out and --hold-out-seeds are two ways to hold scenes out; give one of them.")
        groups = Group(HOME, HOME, home), other_seeds(home, asked.seeds)
    else:
        share = HOLD_OUT if asked.hold_out is None else asked.hold_out
        if not 0 < share < 1:
            raise BlockweightError(f"What is held out is a share between 0 and 1, not {share:g}.")
        count = max(LEAST, round(share * len(home)))
        seen = set() if analysis is None else set(analysis.scenes)
        order = sorted(taking_turns(home), key=lambda place: home[place] not in seen)
        places = sorted(order[: len(home) - count]), sorted(order[len(home) - count :])
        groups = tuple(  # type: ignore[assignment]  # two of them
            Group(name, HOME, tuple(home[place] for place in some)) for name, some in zip((HOME, "held"), places,
                                                                                        strict=True)
        )  # fmt: skip
    if any(len(group.scenes) < LEAST for group in groups):
        if asked.hold_out is not None and len(home) >= 2 * LEAST:
            raise BlockweightError(
                f"--hold-out {asked.hold_out:g} leaves {len(groups[0].scenes)} of {len(home)} scenes to search in, and "
                f"{LEAST} are the least; hold fewer out."
            )
        raise BlockweightError(
            f"A search needs {LEAST} scenes to search in and {LEAST} others to hold out, and the project has "
            f"{len(home)}; add seeds or prompts to it, or give further seeds to hold out with --hold-out-seeds."
        )
    return groups


def _masked(
    tuning: TuningProject, state: TuningState, groups: tuple[Group, Group], asked: SearchAsked
) -> tuple[Group, Group]:
    searched, held = groups
    known = dict(zip(state.scenes, analysis_masks(tuning, state), strict=False))
    masks = tuple(known[scene] for scene in searched.scenes if scene in known)
    others = tuple(known[scene] for scene in held.scenes if scene in known)
    searched = Group(searched.name, searched.kind, searched.scenes, masks)
    if asked.seeds.strip() and asked.seeds_mask is not None:
        others = tuple(load_mask(asked.seeds_mask, *scene.picture_size) for scene in held.scenes)
    elif asked.seeds.strip() and asked.home_mask:
        others = masks_alike(held, searched) if masks else ()
    elif asked.seeds_mask is not None or asked.home_mask:
        raise BlockweightError("A mask for the scenes held out is for further seeds alone; give --hold-out-seeds too.")
    return searched, Group(held.name, held.kind, held.scenes, others)


def _maskless(state: TuningState, wish: Wish, searched: Group) -> BlockweightError:
    name, bare = quoted(wish.name), unmasked_scene(state)
    if searched.masks:
        return BlockweightError(
            f"{name} needs a mask, and there is none for the scenes held out; give --hold-out-mask FILE, or "
            "--home-mask."
        )
    if bare is not None:
        return BlockweightError(
            f"{name} needs a mask for every scene, and the latest analysis with masks has none for '{bare.label}', "
            f"seed {bare.seed}; analyse all scenes with masks, or give one mask for all of them."
        )
    return BlockweightError(
        f"{name} needs a mask, and there is none for the project's scenes; run 'blockweight tune analyze --mask FILE', "
        "with a picture that is white where the LoRA should work."
    )


def _target(asked: SearchAsked, wishes: Sequence[Wish], scenes: Sequence[Scene]) -> Picture | None:
    wanted = next((wish for wish in wishes if wish.needs_target), None)
    if asked.target is None:
        if wanted is not None:
            raise BlockweightError(f"{quoted(wanted.name)} needs a picture to compare with; give --target FILE.")
        return None
    if wanted is None:
        raise BlockweightError("No objective compares with --target; add one such as 'likeness', or leave it out.")
    picture = read_picture_file(asked.target)
    height, width = picture.shape[:2]
    other = next((scene for scene in scenes if scene.picture_size != (width, height)), None)
    if other is not None:
        asked_size = "×".join(map(str, other.picture_size))
        raise BlockweightError(
            f"The target has {width}×{height} pixels, the pictures of the scenes {asked_size}; give one of that size."
        )
    return picture


def _trials(tuning: TuningProject, state: TuningState, asked: SearchAsked, searched: int, held: int) -> int:
    """How many weights the budget pays for."""
    budget, each = parse_budget(asked.budget or BUDGET), seconds_each(tuning.project)
    if budget.pictures is None and each is None:
        raise BlockweightError(
            "No picture of this project was timed yet, so nobody can say what fits into a time; give the budget in "
            "pictures, as in 200pictures."
        )
    pictures = math.floor(budget.in_pictures(each or 1.0))
    compared = MOST_REFERENCES if asked.also else len(references(state, state.weights))
    beside = (searched + held) * compared + held * CHOICES
    trials = (pictures - beside) // searched
    if trials < FEWEST_TRIALS:
        raise BlockweightError(
            f"The budget of {pictures} pictures is too small: {searched} scenes to search in and {held} held out take "
            f"at least {beside + FEWEST_TRIALS * searched}; raise it, or search in fewer scenes."
        )
    return trials


def _sampler(wanted: str, trials: int, segments: int) -> str:
    """What proposes, where nobody says it. The Gaussian process needs torch, which a renderer elsewhere does not."""
    if wanted:
        if wanted not in SAMPLERS:
            raise BlockweightError(f"There is no sampler {quoted(wanted)}; there are {', '.join(SAMPLERS)}.")
        return wanted
    if trials >= GENETIC_FROM * segments:
        return "nsga2"
    return "gp" if trials <= PROCESS_UP_TO and find_spec("torch") is not None else "tpe"


def asked_weights(asked: SearchAsked) -> tuple[tuple[float, ...], tuple[float, float]]:
    """The grid, empty for a continuous search, and its limits. BlockweightError for what is neither."""
    if asked.between is not None:
        if asked.grid:
            raise BlockweightError("--grid and --between are two ways to say which weights to try; give one of them.")
        low, high = asked.between
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise BlockweightError("--between takes two numbers, the lower one first, as in --between 0 1.")
        return (), (low, high)
    grid = tuple(sorted({parse_weight(part) for part in (asked.grid or GRID).split(",")}))
    if not 2 <= len(grid) <= _MOST_WEIGHTS:
        raise BlockweightError(f"A grid has 2 to {_MOST_WEIGHTS} different weights, as in {GRID}; not {len(grid)}.")
    return grid, (grid[0], grid[-1])
