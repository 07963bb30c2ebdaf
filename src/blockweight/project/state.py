"""What tuning has come to at one point: a fold over events, each of which makes the next point from the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import PurePath

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SERIES, Round, Scene
from blockweight.project.choices import CHOOSING, Choosing, next_choosing
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

CREATED = "tuning created"
SCENES = "scenes set"
WEIGHTS = "weights set"
FIXED = "blocks fixed"
APPLIED = "suggestions applied"
REVOKED = "suggestions revoked"
PLANNED = "round planned"
DECIDED = "variant decided"
FINISHED = "round finished"
CHOSEN = "search result chosen"
PREFERRED = "preferred weights taken"


class Choice(Enum):
    """What a person says to a variant: fix its block at this value, fix it as it was, or neither yet."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Subject:
    """What a project tunes, from its first event on: the LoRA by file name, digest and strength, its family's layout,
    and the blocks that it changes."""

    lora: str
    digest: str
    strength: float
    layout: Layout
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class TunedVariant:
    """A variant of a round that can be decided: `block` alone at `value`."""

    label: str
    block: str
    value: float


@dataclass(frozen=True)
class TunedRound:
    """A round with its decisions so far. `number` is that of the event that planned it; `weights` and `fixed` are as
    they were then; `choices` has the variants that somebody decided, by label; `open` until it is finished or the next
    one is planned."""

    number: int
    kind: str
    step: float
    limits: tuple[float, float] | None
    weights: BlockWeights
    fixed: tuple[str, ...]
    variants: tuple[TunedVariant, ...]
    choices: Mapping[str, Choice] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)
    open: bool = True

    def choice(self, label: str) -> Choice:
        """What was decided about the variant."""
        return self.choices.get(label, Choice.UNDECIDED)

    def labels(self, choice: Choice) -> tuple[str, ...]:
        """The variants of which this was decided, in the round's order."""
        return tuple(variant.label for variant in self.variants if self.choice(variant.label) is choice)

    def weights_of(self, variant: TunedVariant) -> BlockWeights:
        """What to render for the variant."""
        return self.weights.with_weights({variant.block: variant.value}, variant.label)


@dataclass(frozen=True)
class AppliedSuggestion:
    """What a suggestion of the analysis of this number did to a block, and how the block was before."""

    analysis: int
    weight: float
    fixed: bool
    before: float
    fixed_before: bool


@dataclass(frozen=True)
class Point:
    """The state at one point of the history. `fixed` is in the layout's order; `round` is the latest, open or not;
    `choosing` the search by preference that is begun and not ended."""

    subject: Subject
    scenes: tuple[Scene, ...]
    weights: BlockWeights
    fixed: tuple[str, ...] = ()
    applied: Mapping[str, AppliedSuggestion] = field(default_factory=dict)
    round: TunedRound | None = None
    choosing: Choosing | None = None

    def _with(self, values: Mapping[str, float], fix: Iterable[str] = (), unfix: Iterable[str] = ()) -> Point:
        """Blocks (REST among them) at new weights, fixed and not fixed any more. What is done to a block by hand ends
        a suggestion's hold on it."""
        fix, unfix = set(fix), set(unfix)
        blocks = self.subject.layout.blocks
        for block in (*fix, *unfix):
            if block not in blocks:
                raise unknown_block(block, self.subject.layout)
        fixed = (set(self.fixed) | fix) - unfix
        weights = self.weights.with_weights(values)
        touched = {*values, *fix, *unfix}
        applied = {block: held for block, held in self.applied.items() if block not in touched}
        ordered = tuple(block for block in blocks if block in fixed)
        return replace(self, weights=weights, fixed=ordered, applied=applied)


def created_body(name: str, subject: Subject, scenes: Iterable[Scene], weights: BlockWeights) -> dict[str, object]:
    """The first event's body."""
    lora = {"name": PurePath(subject.lora).name, "digest": subject.digest, "strength": subject.strength}
    lora["blocks"] = list(subject.blocks)
    made = {"name": name, "lora": lora, "layout": layout_body(subject.layout), "weights": weights_body(weights)}
    return {**made, **scenes_body(scenes)}


def scenes_body(scenes: Iterable[Scene]) -> dict[str, object]:
    """The body of SCENES."""
    return {"scenes": [scene_body(scene) for scene in scenes]}


def planned_body(plan: Round, limits: tuple[float, float] | None) -> dict[str, object]:
    """The body of PLANNED. It holds the variants too, so that the history stays as it was whatever a later version
    would plan."""
    variants = [[each.weights.name, each.block, each.value] for each in plan.variants if each.block is not None]
    made = {"kind": plan.kind, "step": plan.step, "limits": None if limits is None else list(limits)}
    return {**made, "weights": weights_body(plan.weights), "fixed": list(plan.fixed), "variants": variants}


def first_point(body: Body) -> Point:
    """The point that CREATED makes."""
    layout, lora = layout_from(body["layout"]), body["lora"]
    blocks = texts_in(lora, "blocks")
    subject = Subject(text_in(lora, "name"), text_in(lora, "digest"), number_of(lora["strength"]), layout, blocks)
    return Point(subject, _scenes(body), weights_from(body["weights"], layout))


def next_point(point: Point, number: int, kind: str, body: Body) -> Point | None:
    """The point that an event of this number makes from the one before it; None if the event says what is known, or
    comes too late (a decision whose sequence number is below that of the one that stands).

    BlockweightError for an event that does not fit there: an unknown block, a round that is not open. KeyError,
    TypeError or ValueError for a body that no version wrote.
    """
    if kind in CHOOSING:
        made = replace(point, choosing=next_choosing(point.choosing, number, kind, body, point.subject.layout))
    else:
        made = _NEXT[kind](point, number, body)
    return None if made == point else made


def _scenes(body: Body) -> tuple[Scene, ...]:
    scenes = tuple(map(scene_from, body["scenes"]))
    if not scenes:
        raise ValueError("no scenes")
    return scenes


def _set_scenes(point: Point, _: int, body: Body) -> Point:
    return replace(point, scenes=_scenes(body))


def _set_weights(point: Point, _: int, body: Body) -> Point:
    if "values" in body:
        made = weights_from(body, point.subject.layout)
        return replace(point, weights=made, applied={})
    return point._with({block: number_of(value) for block, value in body["changes"].items()})


def _choose(point: Point, _: int, body: Body) -> Point:
    whole_in(body, "search")
    whole_in(body, "trial")
    whole_in(body["evidence"], "choice", 1)
    made = replace(point, weights=weights_from(body, point.subject.layout), applied={})
    if "also" not in body:
        return made
    digest, also = text_in(body["also"], "digest"), weights_from(body["also"], layout_from(body["also"]["layout"]))
    if all(each.use.digest != digest for scene in point.scenes for each in scene.loras):
        raise BlockweightError(
            "No scene has the LoRA any more that was searched together with the project's; add its tag to a prompt."
        )
    return replace(made, scenes=tuple(scene.with_lora(digest, also) for scene in point.scenes))


def _prefer(point: Point, _: int, body: Body) -> Point:
    whole_in(body, "choosing")
    if not isinstance(body["evidence"], Mapping):
        raise TypeError("evidence is no object")
    return replace(point, weights=weights_from(body, point.subject.layout), applied={})


def _fix(point: Point, _: int, body: Body) -> Point:
    return point._with({}, texts_in(body, "fix"), texts_in(body, "unfix"))


def _apply(point: Point, _: int, body: Body) -> Point:
    values = {block: number_of(value) for block, value in body["weights"].items()}
    fixed = set(texts_in(body, "fixed"))
    analysis = whole_in(body, "analysis")
    unknown = next((block for block in values if block not in point.subject.layout.blocks), None)
    if unknown is not None:
        raise unknown_block(unknown, point.subject.layout)
    held = dict(point.applied)
    for block, value in values.items():
        first = held.get(block)
        before = (point.weights.weight(block), block in point.fixed) if first is None else (
            first.before, first.fixed_before)  # fmt: skip
        held[block] = AppliedSuggestion(analysis, value, block in fixed, *before)
    return replace(point._with(values, fixed & values.keys(), values.keys() - fixed), applied=held)


def _revoke(point: Point, _: int, body: Body) -> Point:
    blocks = texts_in(body, "blocks")
    for block in blocks:
        if block not in point.applied:
            raise BlockweightError(f"No suggestion for {quoted(block)} is applied, so there is none to revoke.")
    held = {block: point.applied[block] for block in blocks}
    fix = [block for block, applied in held.items() if applied.fixed_before]
    values = {block: applied.before for block, applied in held.items()}
    return point._with(values, fix, held.keys() - set(fix))


def _plan(point: Point, number: int, body: Body) -> Point:
    if text_in(body, "kind") not in SERIES:
        raise ValueError("no kind of round")
    limits = None if body["limits"] is None else tuple(map(number_of, body["limits"]))
    if limits is not None and len(limits) != 2:
        raise ValueError("limits are two numbers")
    layout = point.subject.layout
    variants = tuple(
        TunedVariant(words_in({"label": label}, "label"), text_in({"block": block}, "block"), number_of(value))
        for label, block, value in body["variants"]
    )
    for variant in variants:
        if variant.block not in layout.blocks:
            raise unknown_block(variant.block, layout)
    weights, fixed = weights_from(body["weights"], layout), texts_in(body, "fixed")
    made = TunedRound(number, body["kind"], number_of(body["step"]), limits, weights, fixed, variants)
    return replace(point, round=made)


def _decide(point: Point, _: int, body: Body) -> Point:
    planned, label, choice = point.round, text_in(body, "variant"), Choice(body["choice"])
    sequence = whole_in(body, "sequence")
    if planned is None or not planned.open or planned.number != whole_in(body, "round"):
        raise BlockweightError(
            f"The round of {quoted(label)} is not open any more, so nothing was decided; look at the project again."
        )
    variant = next((variant for variant in planned.variants if variant.label == label), None)
    if variant is None:
        shown = ", ".join(variant.label for variant in planned.variants[:5])
        raise BlockweightError(f"The round has no variant {quoted(label)} to decide; it has {shown} and so on.")
    if sequence < planned.sequences.get(label, 0):
        return point
    choices = {**planned.choices, label: choice}
    siblings = [other for other in planned.variants if other.block == variant.block and other.label != label]
    if choice is Choice.ACCEPT:
        # A block has one weight: to accept another variant of it takes the first acceptance back.
        choices |= {other.label: Choice.UNDECIDED for other in siblings if choices.get(other.label) is Choice.ACCEPT}
    choices = {name: chosen for name, chosen in choices.items() if chosen is not Choice.UNDECIDED}
    made = replace(planned, choices=choices, sequences={**planned.sequences, label: sequence})
    accepted = next((other.value for other in (variant, *siblings) if made.choice(other.label) is Choice.ACCEPT), None)
    value = planned.weights.weight(variant.block) if accepted is None else accepted
    if any(other.label in choices for other in (variant, *siblings)):
        decided = point._with({variant.block: value}, fix=[variant.block])
    elif choices != planned.choices:
        decided = point._with({variant.block: value}, unfix=[variant.block])
    else:
        return point
    if choices == planned.choices and (decided.weights, decided.fixed) == (point.weights, point.fixed):
        return point  # the same key pressed twice
    return replace(decided, round=made)


def _finish(point: Point, _: int, body: Body) -> Point:
    if point.round is None or not point.round.open or point.round.number != whole_in(body, "round"):
        raise BlockweightError("No round is open, so there is none to finish; plan one first.")
    return replace(point, round=replace(point.round, open=False))


_NEXT: Mapping[str, Callable[[Point, int, Body], Point]] = {
    SCENES: _set_scenes,
    WEIGHTS: _set_weights,
    FIXED: _fix,
    APPLIED: _apply,
    REVOKED: _revoke,
    PLANNED: _plan,
    DECIDED: _decide,
    FINISHED: _finish,
    CHOSEN: _choose,
    PREFERRED: _prefer,
}

ACTIONS = frozenset(_NEXT) | CHOOSING
"""The kinds of events that make a step of the history."""
