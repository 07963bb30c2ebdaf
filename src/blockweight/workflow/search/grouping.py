"""The segments of a search: blocks in groups by what the analysis measured of what is searched for, or as typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure import (
    FEWEST_SEGMENTS,
    GONE,
    MOST_SEGMENTS,
    NOISE_FLOOR,
    SHARES,
    Objective,
    Picture,
    Segment,
    Wish,
    objective_change,
    parse_segments,
    segments_of,
    thinned,
)
from blockweight.plan import Scene
from blockweight.project import AnalysisPlan, TuningState
from blockweight.workflow.block_pictures import BlockPictures
from blockweight.workflow.project_analysis import analysis_jobs, mask_for
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.tuning_project import TuningProject

TRIALS_A_SEGMENT = 4
"""How many trials a segment takes, where nobody says how many segments there should be."""


@dataclass(frozen=True, eq=False)
class Analysed:
    """What segments are made from: an analysis of whole pictures, those of its scenes that are not held out, and what
    is searched for: the wishes, and their target."""

    plan: AnalysisPlan
    seen: tuple[Scene, ...]
    wishes: tuple[Wish, ...]
    target: Picture | None


def segments_for(
    tuning: TuningProject, state: TuningState, text: str, analysed: Analysed | None, usual: int
) -> tuple[Segment, ...]:
    """Segments as typed, or so many as typed, or so many as are `usual`, made of the blocks that are not
    fixed and do something visible. BlockweightError for what cannot be read, a fixed block and one that the LoRA lacks,
    and where there is nothing to make segments from."""
    plain = text.strip()
    if plain and not plain.isdecimal():
        return _typed(state, plain)
    if analysed is None or not analysed.seen:
        why = "The project has no complete analysis" if analysed is None else "All scenes of the analysis are held out"
        raise BlockweightError(
            f"{why}, so nobody knows which blocks do alike; run 'blockweight tune analyze', or give the segments, as "
            "in --segments 'a=IN01,IN02;b=OUT07-OUT09'."
        )
    count = int(plain) if plain else usual
    if not 1 <= count <= MOST_SEGMENTS:
        raise BlockweightError(f"A search takes 1 to {MOST_SEGMENTS} segments, not {count}.")
    blocks = _movable(state, analysed)
    if not blocks:
        raise BlockweightError(
            "The analysis found no block that is not fixed and does something visible, so there is nothing to search; "
            "unfix blocks, or analyse others."
        )
    return segments_of(_effects(tuning, state, analysed, blocks), count)


def usual_count(trials: int) -> int:
    """How many segments so many trials are good for."""
    return min(MOST_SEGMENTS, max(FEWEST_SEGMENTS, trials // TRIALS_A_SEGMENT))


def _typed(state: TuningState, text: str) -> tuple[Segment, ...]:
    found = parse_segments(text, state.subject.layout)
    if len(found) > MOST_SEGMENTS:
        raise BlockweightError(f"A search takes 1 to {MOST_SEGMENTS} segments, not {len(found)}.")
    for block in (block for segment in found for block in segment.blocks):
        if block in state.fixed:
            raise BlockweightError(f"{block} is fixed, so no search may move it; unfix it, or take it out.")
        if block not in state.subject.blocks:
            raise BlockweightError(f"'{state.subject.lora}' changes nothing in {block}; take it out.")
    return found


def _movable(state: TuningState, analysed: Analysed) -> tuple[str, ...]:
    """The blocks that are free and do something visible, inside or outside the mask where there is one."""
    columns = ("inside", "outside") if analysed.plan.masks else ("overall",)
    visible = {
        block for name in columns for block, mean in _means(state, analysed, name).items() if mean >= NOISE_FLOOR
    }
    return tuple(block for block in analysed.plan.blocks if block in visible and block not in state.fixed)


def _means(state: TuningState, analysed: Analysed, column: str) -> dict[str, float]:
    """Block → the mean of a column of the analysis over the scenes that count."""
    (facts,) = (each for each in state.analyses if each.plan == analysed.plan.number)
    places = [number for number, scene in enumerate(analysed.plan.scenes) if scene in analysed.seen]
    return {block: _mean(facts.effects[block][column], places) for block in analysed.plan.blocks}


def _mean(samples: Sequence[float | None], places: Sequence[int]) -> float:
    told = [sample for sample in (samples[place] for place in places) if sample is not None]
    return float(np.mean(told)) if told else 0.0


def _effects(
    tuning: TuningProject, state: TuningState, analysed: Analysed, blocks: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Block → what it does to each thing that is searched for: how much it changes inside the mask (or the whole
    picture) for `kept`, and outside for `gone`; with its sign for a colour, or how near it comes to a target. How much
    it changes is a column in any case: blocks of which nothing asked for tells are told apart by that."""
    inside, outside = ("inside", "outside") if analysed.plan.masks else ("overall", "")
    columns = [inside, *([outside] if any(wish.name == GONE for wish in analysed.wishes) and outside else [])]
    found = {column: _means(state, analysed, column) for column in columns}
    aims = {wish.name: wish for wish in analysed.wishes if wish.name not in SHARES and not wish.needs_model}
    sums = {name: dict.fromkeys(blocks, 0.0) for name in aims}
    for source, changed, objectives in _pictures(tuning, state, analysed, tuple(aims.values())):
        for name, objective in zip(aims, objectives, strict=True):
            for block in blocks:
                if block in changed:
                    sums[name][block] += objective_change(objective, thinned(changed[block]), source)
    return {block: (*(found[name][block] for name in found), *(sums[name][block] for name in aims)) for block in blocks}


def _pictures(
    tuning: TuningProject, state: TuningState, analysed: Analysed, wishes: Sequence[Wish]
) -> Iterator[tuple[Picture, Mapping[str, Picture], list[Objective]]]:
    """The analysis's picture of each scene, those with a block changed, and what these wishes measure there."""
    if not wishes:
        return
    for place, (first, *changed) in enumerate(analysis_jobs(state, analysed.plan)):
        source = tuning.project.pictures.load(first) if first.scene in analysed.seen else None
        if source is None:
            continue
        name = mask_for(analysed.plan, place)
        mask = thinned(mask_of(tuning, name)) if name else None
        pairs = zip(analysed.plan.blocks, changed, strict=True)
        there = {block: job for block, job in pairs if tuning.project.pictures.path(job).is_file()}
        target = None if analysed.target is None else thinned(analysed.target)
        objectives = [wish.aim.objective(mask, target) for wish in wishes]
        yield thinned(source), BlockPictures(tuning.project, there), objectives
