"""What the log tells of choosing by preference: rounds of weights that a person judged blind, each a step of the
history, so that undo takes the latest choice back and shows its round again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError
from blockweight.measure import Segment
from blockweight.plan import Scene
from blockweight.project.plain import (
    Body,
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

CHOOSING_BEGUN = "choosing begun"
CHOICE_MADE = "choice made"
CHOICES_PLANNED = "choices planned"
CHOOSING_ENDED = "choosing ended"

CHOOSING = frozenset({CHOOSING_BEGUN, CHOICE_MADE, CHOICES_PLANNED, CHOOSING_ENDED})
"""The kinds of steps of choosing by preference."""

FEW, PLANE = "few", "plane"
"""Kinds of rounds: a few weights side by side, or a plane through the weights of SIDE × SIDE."""

SIDE = 5
MOST_FEW = 9


@dataclass(frozen=True)
class ChoiceRound:
    """A round: `points`, a weight for every segment, in the order in which they are shown (a plane row by row);
    `control` is the place of the one that was best so far. `best` and `worst` are places, None where nobody says;
    `judged` without a `best` means that none differs."""

    kind: str
    points: tuple[tuple[float, ...], ...]
    control: int
    judged: bool = False
    best: int | None = None
    worst: int | None = None

    def said(self, best: int | None, worst: int | None) -> ChoiceRound:
        """The round as somebody judged it. BlockweightError for places that do not fit."""
        if any(place is not None and place >= len(self.points) for place in (best, worst)):
            raise BlockweightError(f"The round has {len(self.points)} pictures; choose one of them.")
        if worst is not None and (best is None or best == worst):
            raise BlockweightError("The worst is another picture than the best; say both, or leave out the worst.")
        if worst is not None and self.kind == PLANE:
            raise BlockweightError("Of a plane only the best is picked; leave out the worst.")
        return replace(self, judged=True, best=best, worst=worst)


@dataclass(frozen=True)
class Choosing:
    """A search by preference. `number` is that of the event that began it. Every segment has a weight of `grid`, or
    where that is empty any between the two `limits` (a plane's may be any too); all other blocks stand as `weights` has
    them. Pictures are in `scenes`, those of a plane in the first. `seed` decides all that is drawn; `matters` has a
    number a segment, how much it was measured to do, empty where nobody knows. The last of `rounds` is to be judged,
    all before it are."""

    number: int
    segments: tuple[Segment, ...]
    weights: BlockWeights
    grid: tuple[float, ...]
    limits: tuple[float, float]
    scenes: tuple[Scene, ...]
    seed: int
    matters: tuple[float, ...]
    rounds: tuple[ChoiceRound, ...] = ()

    @property
    def open(self) -> ChoiceRound:
        """The round that is to be judged."""
        return self.rounds[-1]

    @property
    def judged(self) -> tuple[ChoiceRound, ...]:
        """The rounds that were judged."""
        return self.rounds[:-1]

    def weights_of(self, point: Sequence[float], name: str) -> BlockWeights:
        """The block weights of one weight a segment."""
        pairs = zip(self.segments, point, strict=True)
        return self.weights.with_weights({block: value for each, value in pairs for block in each.blocks}, name)


def choosing_body(choosing: Choosing) -> dict[str, object]:
    """The body of CHOOSING_BEGUN: what is asked for, and the first round."""
    (first,) = choosing.rounds
    return {
        "segments": [{"name": each.name, "blocks": list(each.blocks)} for each in choosing.segments],
        "weights": weights_body(choosing.weights),
        "grid": list(choosing.grid),
        "limits": list(choosing.limits),
        "scenes": [scene_body(scene) for scene in choosing.scenes],
        "seed": choosing.seed,
        "matters": list(choosing.matters),
        "next": _round_body(first),
    }


def planned_choices_body(choosing: Choosing, then: ChoiceRound) -> dict[str, object]:
    """The body of CHOICES_PLANNED: another round in place of the one that is to be judged."""
    return {"choosing": choosing.number, "round": len(choosing.rounds), "next": _round_body(then)}


def choice_body(choosing: Choosing, best: int | None, worst: int | None, then: ChoiceRound) -> dict[str, object]:
    """The body of CHOICE_MADE: what was said of the round that is to be judged, and the next one."""
    return {**planned_choices_body(choosing, then), "best": best, "worst": worst}


def next_choosing(known: Choosing | None, number: int, kind: str, body: Body, layout: Layout) -> Choosing | None:
    """Choosing by preference after a step of this number; None once it was ended.

    BlockweightError for a step that does not fit: nothing is begun, another round is to be judged, there is no such
    picture. KeyError, TypeError or ValueError for a body that no version wrote.
    """
    if kind == CHOOSING_BEGUN:
        return _begun(number, body, layout)
    if known is None or known.number != whole_in(body, "choosing"):
        raise BlockweightError("Nothing is being chosen by preference; begin with 'blockweight tune prefer'.")
    if kind == CHOOSING_ENDED:
        return None
    if whole_in(body, "round", 1) != len(known.rounds):
        raise BlockweightError("Another round is to be judged by now; look at the project again.")
    then = _round(body["next"], len(known.segments))
    if kind == CHOICES_PLANNED:
        return replace(known, rounds=(*known.judged, then))
    best, worst = (None if body[name] is None else whole_in(body, name) for name in ("best", "worst"))
    return replace(known, rounds=(*known.judged, known.open.said(best, worst), then))


def _round_body(shown: ChoiceRound) -> dict[str, object]:
    return {"kind": shown.kind, "points": [list(point) for point in shown.points], "control": shown.control}


def _round(body: Mapping[str, object], segments: int) -> ChoiceRound:
    told = body["points"]
    if not isinstance(told, list):
        raise TypeError("points are a list")
    points = tuple(tuple(map(number_of, point)) for point in told)
    made = ChoiceRound(text_in(body, "kind"), points, whole_in(body, "control"))
    fits = 2 <= len(points) <= MOST_FEW if made.kind == FEW else made.kind == PLANE and len(points) == SIDE**2
    if not fits or made.control >= len(points) or any(len(point) != segments for point in points):
        raise ValueError("no round of choices")
    if made.kind == FEW and len(set(points)) != len(points):
        raise ValueError("the same weights twice")
    return made


def _begun(number: int, body: Body, layout: Layout) -> Choosing:
    segments = tuple(Segment(words_in(each, "name"), texts_in(each, "blocks")) for each in body["segments"])
    blocks = [block for segment in segments for block in segment.blocks]
    for block in blocks:
        if block not in (*layout.blocks, REST):
            raise unknown_block(block, layout)
    low, high = map(number_of, body["limits"])
    made = Choosing(
        number=number,
        segments=segments,
        weights=weights_from(body["weights"], layout),
        grid=tuple(map(number_of, body["grid"])),
        limits=(low, high),
        scenes=tuple(map(scene_from, body["scenes"])),
        seed=whole_in(body, "seed"),
        matters=tuple(map(number_of, body["matters"])),
        rounds=(_round(body["next"], len(segments)),),
    )
    if not segments or not all(each.blocks for each in segments) or len(set(blocks)) != len(blocks) or low >= high:
        raise ValueError("segments of blocks, and limits")
    if not made.scenes or len(made.matters) not in (0, len(segments)):
        raise ValueError("scenes, and a number a segment or none")
    return made
