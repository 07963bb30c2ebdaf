"""What the log tells of searches for weights: what was asked for, as the project stood then, and the choices found.

They stand beside the tuning history, like plots and transfers: no undo of a step takes one away. What a person takes of
the choices is a step (`state.CHOSEN`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError
from blockweight.measure import Segment, parse_wishes, wishes_text
from blockweight.plan import Scene
from blockweight.project.begun import completed, given_up
from blockweight.project.plain import (
    Body,
    layout_body,
    layout_from,
    number_of,
    scene_body,
    scene_from,
    text_in,
    texts_in,
    weights_body,
    weights_from,
    whole_in,
    words_in,
)
from blockweight.weights import BlockWeights, unknown_block

SEARCH_PLANNED = "search planned"
SEARCH_CANCELLED = "search cancelled"
SEARCHED = "searched"

SEARCHING = frozenset({SEARCH_PLANNED, SEARCH_CANCELLED, SEARCHED})
"""The kinds of events of searches."""

SAMPLERS = ("gp", "tpe", "nsga2")
"""What may propose weights: a Gaussian process, TPE, NSGA-II."""

_MODEL = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class Span:
    """A mean over scenes with the ends of its 95 % interval, None where nothing tells them."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchChoice:
    """One of the front: the `trial` that it was (from 0), a weight for every segment, and what was measured with it by
    every wish, in their order: in the scenes that were searched in, and in those held out."""

    trial: int
    weights: tuple[float, ...]
    searched: tuple[Span, ...]
    held: tuple[Span, ...]


@dataclass(frozen=True)
class SearchReference:
    """What was measured with other weights, to compare with, or without the LoRA; as in a choice."""

    label: str
    searched: tuple[Span, ...]
    held: tuple[Span, ...]


@dataclass(frozen=True)
class AlsoSearched:
    """A further LoRA of the scenes whose weights are searched together with the project's: its file's name and digest,
    the `weights` that it starts from, `segments` of its blocks, and points to try `first`, each a weight for every
    segment of the project's LoRA and then of this one."""

    lora: str
    digest: str
    weights: BlockWeights
    segments: tuple[Segment, ...]
    first: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SearchPlan:
    """A search that was asked for. `number` is that of its event; `wishes` is their text. Every segment has a weight of
    `grid`, or where that is empty any between the two `limits`; all other blocks stand as `weights` has them. `scenes`
    are searched in, `held` only measured at the end; both have masks (digests, one a scene) or none. `target` is the
    digest of a kept target, empty without one. At most `trials` different weights are tried, proposed by `sampler` (one
    of SAMPLERS) and drawn by `seed`; `analysis` is the number of the plan whose effects it starts from (0: none).
    `also` is a further LoRA that is searched with the project's; values of a point are those of `every_segment`.
    `model` is the digest of the model of pictures that some wishes need (64 hex digits), empty where none does, and
    `examples` those of the kept pictures that it compares with. `choices` are found, best first, beside the
    `references`; `folder` is the name of the project's folder with them. All three are empty until it is complete."""

    number: int
    wishes: str
    segments: tuple[Segment, ...]
    weights: BlockWeights
    grid: tuple[float, ...]
    limits: tuple[float, float]
    scenes: tuple[Scene, ...]
    held: tuple[Scene, ...]
    masks: tuple[str, ...]
    held_masks: tuple[str, ...]
    target: str
    trials: int
    sampler: str
    seed: int
    analysis: int
    also: AlsoSearched | None = None
    model: str = ""
    examples: tuple[str, ...] = ()
    choices: tuple[SearchChoice, ...] = ()
    references: tuple[SearchReference, ...] = ()
    folder: str = ""
    cancelled: bool = False

    @property
    def every_segment(self) -> tuple[Segment, ...]:
        """Those of the project's LoRA, then of the further one."""
        return (*self.segments, *(() if self.also is None else self.also.segments))

    def weights_of(self, values: Sequence[float], name: str) -> BlockWeights:
        """The block weights of the project's LoRA for one weight a segment."""
        return _spread(self.weights, self.segments, values[: len(self.segments)], name)

    def also_of(self, values: Sequence[float]) -> BlockWeights | None:
        """Those of the further LoRA, if there is one."""
        if self.also is None:
            return None
        return _spread(self.also.weights, self.also.segments, values[len(self.segments) :], self.also.weights.name)

    def changed(self, values: Sequence[float]) -> int:
        """How many blocks these weights change of those that it started from."""
        made, also = self.weights_of(values, self.weights.name), self.also_of(values)
        changed = _differ(made, self.weights)
        return changed if self.also is None or also is None else changed + _differ(also, self.also.weights)


def _spread(start: BlockWeights, segments: Sequence[Segment], values: Sequence[float], name: str) -> BlockWeights:
    pairs = zip(segments, values, strict=True)
    return start.with_weights({block: value for segment, value in pairs for block in segment.blocks}, name)


def _differ(one: BlockWeights, other: BlockWeights) -> int:
    pairs = zip((*one.values, one.rest), (*other.values, other.rest), strict=True)
    return sum(mine != others for mine, others in pairs)


Searches = Mapping[int, SearchPlan]
"""By number, in order."""


def search_body(plan: SearchPlan) -> dict[str, object]:
    """The body of SEARCH_PLANNED."""
    return {
        "wishes": plan.wishes,
        "segments": _segments_body(plan.segments),
        "weights": weights_body(plan.weights),
        "grid": list(plan.grid),
        "limits": list(plan.limits),
        "scenes": [scene_body(scene) for scene in plan.scenes],
        "held": [scene_body(scene) for scene in plan.held],
        "masks": list(plan.masks),
        "held_masks": list(plan.held_masks),
        "target": plan.target,
        "trials": plan.trials,
        "sampler": plan.sampler,
        "seed": plan.seed,
        "analysis": plan.analysis,
        **({} if plan.also is None else {"also": _also_body(plan.also)}),
        **({"model": plan.model, "examples": list(plan.examples)} if plan.model else {}),
    }


def _segments_body(segments: Sequence[Segment]) -> list[dict[str, object]]:
    return [{"name": segment.name, "blocks": list(segment.blocks)} for segment in segments]


def _also_body(also: AlsoSearched) -> dict[str, object]:
    return {
        "lora": also.lora,
        "digest": also.digest,
        "layout": layout_body(also.weights.layout),
        "weights": weights_body(also.weights),
        "segments": _segments_body(also.segments),
        "first": [list(point) for point in also.first],
    }


def also_body(plan: SearchPlan, values: Sequence[float]) -> dict[str, object]:
    """What `state.CHOSEN` says of a further LoRA at these weights of the segments; nothing where there is none."""
    made = plan.also_of(values)
    if plan.also is None or made is None:
        return {}
    told = {"digest": plan.also.digest, "layout": layout_body(made.layout), **weights_body(made)}
    return {"also": {"lora": plan.also.lora, **told}}


def searched_body(
    number: int, folder: str, choices: Sequence[SearchChoice], references: Sequence[SearchReference]
) -> dict[str, object]:
    """The body of SEARCHED."""
    found = [{"trial": each.trial, "weights": list(each.weights), **spans_facts(each)} for each in choices]
    beside = [{"label": each.label, **spans_facts(each)} for each in references]
    return {"search": number, "folder": folder, "choices": found, "references": beside}


def spans_facts(each: SearchChoice | SearchReference) -> dict[str, object]:
    """What was measured as plain values: a mean and two ends for each wish."""
    return {
        "searched": [[span.mean, span.low, span.high] for span in each.searched],
        "held": [[span.mean, span.low, span.high] for span in each.held],
    }


def next_searches(known: Searches, number: int, kind: str, body: Body, layout: Layout) -> Searches | None:
    """The searches after an event of this number; None if it says what is known.

    BlockweightError for an event that does not fit: no such search, one that is complete or was given up. KeyError,
    TypeError or ValueError for a body that no version wrote.
    """
    if kind == SEARCH_PLANNED:
        planned = _planned(number, body, layout)
        latest = known[max(known)] if known else None
        if latest is not None and planned == replace(latest, number=number, choices=(), references=(), folder=""):
            return None
        return {**known, number: planned}
    which = whole_in(body, "search")
    if which not in known:
        raise BlockweightError(f"The project has no search {which}; see 'blockweight tune auto'.")
    made = _ended(known[which], kind, body)
    return None if made == known[which] else {**known, which: made}


def _ended(found: SearchPlan, kind: str, body: Body) -> SearchPlan:
    if kind == SEARCH_CANCELLED:
        return given_up(found, BlockweightError("The search is complete, so there is nothing to give up."))
    meanwhile = BlockweightError("The search was given up meanwhile, so it was not recorded; begin it again.")
    choices = tuple(_choice(found, each) for each in body["choices"])
    references = tuple(SearchReference(words_in(each, "label"), *_spans(found, each)) for each in body["references"])
    if not choices:
        raise ValueError("a search has choices")
    folder = text_in(body, "folder")
    return completed(found, "search", folder, meanwhile, choices=choices, references=references)


def _choice(plan: SearchPlan, body: Body) -> SearchChoice:
    weights = tuple(map(number_of, body["weights"]))
    if len(weights) != len(plan.every_segment):
        raise ValueError("a choice has a weight a segment")
    return SearchChoice(whole_in(body, "trial"), weights, *_spans(plan, body))


def _spans(plan: SearchPlan, body: Body) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    searched, held = (tuple(map(_span, body[name])) for name in ("searched", "held"))
    if not len(searched) == len(held) == len(parse_wishes(plan.wishes)):
        raise ValueError("a number for each wish")
    return searched, held


def _span(told: Sequence[object]) -> Span:
    mean, low, high = told
    return Span(number_of(mean), *(None if end is None else number_of(end) for end in (low, high)))


def _planned(number: int, body: Body, layout: Layout) -> SearchPlan:
    segments = _segments_from(body, layout)
    also = _also_from(body["also"]) if "also" in body else None
    scenes, held = (tuple(map(scene_from, body[name])) for name in ("scenes", "held"))
    masks, held_masks = (texts_in(body, name) for name in ("masks", "held_masks"))
    low, high = map(number_of, body["limits"])
    wishes, target = words_in(body, "wishes"), text_in(body, "target")
    made = SearchPlan(
        number=number,
        wishes=wishes,
        segments=segments,
        weights=weights_from(body["weights"], layout),
        grid=tuple(map(number_of, body["grid"])),
        limits=(low, high),
        scenes=scenes,
        held=held,
        masks=masks,
        held_masks=held_masks,
        target=target,
        trials=whole_in(body, "trials", 1),
        sampler=text_in(body, "sampler"),
        seed=whole_in(body, "seed"),
        analysis=whole_in(body, "analysis"),
        also=also,
        model=text_in({"model": "", **body}, "model"),
        examples=texts_in(body, "examples"),
    )
    names = [segment.name for segment in made.every_segment]
    if len(set(names)) != len(names) or low >= high:
        raise ValueError("a search has segments by name, and limits")
    if also is not None and any(len(point) != len(names) for point in also.first):
        raise ValueError("a point has a weight a segment")
    if len(scenes) < 2 or not held or wishes_text(parse_wishes(wishes)) != wishes:
        raise ValueError("a search has wishes, and scenes to search in and others")
    for digests, of in ((masks, scenes), (held_masks, held)):
        if len(digests) not in (0, len(of)) or not all(map(_DIGEST.fullmatch, digests)):
            raise ValueError("masks, one a scene or none")
    if (made.model and not _MODEL.fullmatch(made.model)) or not all(map(_DIGEST.fullmatch, made.examples)):
        raise ValueError("no model, or no examples")
    if (target and not _DIGEST.fullmatch(target)) or made.sampler not in SAMPLERS:
        raise ValueError("no target, or no sampler")
    return made


def _segments_from(body: Body, layout: Layout) -> tuple[Segment, ...]:
    segments = tuple(Segment(words_in(each, "name"), texts_in(each, "blocks")) for each in body["segments"])
    blocks = [block for segment in segments for block in segment.blocks]
    for block in blocks:
        if block not in (*layout.blocks, REST):
            raise unknown_block(block, layout)
    if not segments or not all(each.blocks for each in segments) or len(set(blocks)) != len(blocks):
        raise ValueError("a search has segments of blocks")
    return segments


def _also_from(body: Body) -> AlsoSearched:
    layout = layout_from(body["layout"])
    return AlsoSearched(
        lora=text_in(body, "lora"),
        digest=text_in(body, "digest"),
        weights=weights_from(body["weights"], layout),
        segments=_segments_from(body, layout),
        first=tuple(tuple(map(number_of, point)) for point in body["first"]),
    )
