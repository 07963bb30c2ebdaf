"""A project's latest automatic search as a page shows it: what is asked for, what is left of it, what it found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.measure import Tried, parse_wishes, segments_text
from blockweight.plan import Job, Variant
from blockweight.project import Span, is_own_file
from blockweight.workflow.search.also import lora_alone, scene_with, variant_of
from blockweight.workflow.search.asking import plan_references
from blockweight.workflow.search.running import current_search, folder_number, latest_found, search_cost
from blockweight.workflow.search.text import point_text, span_text
from blockweight.workflow.search.written import PAGE, front_of
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost

FACTS = "search.json"
FILES = (PAGE, FACTS)
"""What a page gives of a search's folder."""

MOST_SHOWN = 2
"""Scenes of each kind whose pictures are shown."""

_FOLDER = re.compile(r"search-\d{2,5}", re.ASCII)


@dataclass(frozen=True)
class ShownWeights:
    """Weights of a table: a choice by number from 1 or (0) what it is compared with, by label; the name of the LoRA
    that is `alone` in it, of two that were searched; how many blocks it changes, what each wish found in the scenes
    that were searched in and in those held out, the weights of the segments as a text, and the keys of its pictures in
    some scenes of each kind."""

    number: int
    label: str
    alone: str
    changed: int
    found: tuple[tuple[str, str], ...]
    text: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class ShownSearch:
    """A search that is complete: its folder's name and number, the wishes, the rows, the names of the scenes whose
    pictures are shown, each with whether it was held out, and the folders of complete ones before it with their
    wishes, the latest first."""

    folder: str
    number: int
    wishes: tuple[str, ...]
    rows: tuple[ShownWeights, ...]
    scenes: tuple[tuple[str, bool], ...]
    earlier: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BegunSearch:
    """A search that is not complete: what is searched for, its segments, how many trials, and what is left to do."""

    wishes: str
    segments: str
    trials: int
    cost: Cost


def begun_search(tuning: TuningProject) -> BegunSearch | None:
    """The search that is begun and not complete, None without one."""
    plan = current_search(tuning.state())
    if plan is None or plan.folder:
        return None
    return BegunSearch(plan.wishes, segments_text(plan.every_segment), plan.trials, search_cost(tuning, plan))


def found_search(tuning: TuningProject) -> ShownSearch | None:
    """What the latest complete search found, also while another one is begun; None without one."""
    state = tuning.state()
    plan = latest_found(state)
    if plan is None:
        return None
    wishes = parse_wishes(plan.wishes)
    scenes = (*plan.scenes[:MOST_SHOWN], *plan.held[:MOST_SHOWN])

    def keys(variant: Variant) -> tuple[str, ...]:
        return tuple(Job(scene_with(scene, variant), state.lora, variant).key for scene in scenes)

    def found(searched: tuple[Span, ...], held: tuple[Span, ...]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (span_text(wish, one), span_text(wish, other))
            for wish, one, other in zip(wishes, searched, held, strict=True)
        )

    beside = {variant.label: variant for variant in plan_references(state, plan)}
    rows = [
        ShownWeights(0, name, lora_alone(name), 0, found(each.searched, each.held), "", keys(beside[name]))
        for each in plan.references
        if (name := each.label) in beside
    ]
    for number, each in enumerate(plan.choices, 1):
        rows.append(
            ShownWeights(
                number,
                str(number),
                "",
                plan.changed(each.weights),
                found(each.searched, each.held),
                point_text(plan, each.weights),
                keys(variant_of(plan, each.weights)),
            )
        )
    named = tuple((f"{scene.label}, seed {scene.seed}", scene in plan.held) for scene in scenes)
    before = [each for each in reversed(state.searches) if each.folder and each.number < plan.number]
    return ShownSearch(
        plan.folder,
        folder_number(plan),
        tuple(wish.text for wish in wishes),
        tuple(rows),
        named,
        tuple((each.folder, each.wishes) for each in before),
    )


def front_drawing(tuning: TuningProject, translated: Callable[[str], str]) -> bytes:
    """The front of the latest complete search as an SVG, its words translated. BlockweightError without one, and if its
    file cannot be read."""
    plan = latest_found(tuning.state())
    if plan is None:
        raise BlockweightError("No search is complete yet, so there is no front to show.")
    try:
        told = json.loads(search_file(tuning, plan.folder, FACTS).read_text(encoding="utf-8"))["tried"]
        tried = tuple(
            Tried(int(each["trial"]), tuple(map(float, each["values"])), int(each["changed"])) for each in told
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BlockweightError(f"What was tried in '{plan.folder}' cannot be read; search again.") from None
    return front_of(plan, tried, translated).data


def search_file(tuning: TuningProject, folder: str, name: str) -> Path:
    """One of the FILES of a search's folder. BlockweightError if it is not there."""
    path = tuning.folder / folder / name
    if not _FOLDER.fullmatch(folder) or name not in FILES or not is_own_file(path):
        raise BlockweightError("This file of a search is not in the project's folder any more; search again.")
    return path
