"""Comparisons, and the votes on blind ones: facts beside the tuning history, which no undo of a step takes away.

A comparison shows any weights in any scenes. A blind one hides what is what: in every row its pictures stand in another
order, until somebody reveals it; then its votes are closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError
from blockweight.plan import Scene, Variant
from blockweight.project.plain import Body, scene_body, scene_from, weights_body, weights_from, whole_in, words_in

COMPARED = "comparison planned"
VOTED = "comparison voted"
UNVOTED = "comparison vote undone"
REVEALED = "comparison revealed"


@dataclass(frozen=True)
class Vote:
    """What a person said of a row: the best and the worst of its variants, by number from 0; None for neither, and no
    `best` where none differs."""

    row: int
    best: int | None
    worst: int | None


@dataclass(frozen=True)
class Comparison:
    """Variants in scenes. `number` is that of the event that planned it, `time` when that was (ISO 8601, UTC); `seed`
    decides the order of a blind one's rows; `cast` are all votes in order, of which the last of a row stands."""

    number: int
    time: str
    variants: tuple[Variant, ...]
    scenes: tuple[Scene, ...]
    seed: int
    blind: bool
    cast: tuple[Vote, ...] = ()
    revealed: bool = False

    @property
    def hidden(self) -> bool:
        """Whether nobody may know yet what is what."""
        return self.blind and not self.revealed

    @property
    def votes(self) -> Mapping[int, Vote]:
        """The vote that stands, by row."""
        return {vote.row: vote for vote in self.cast}

    def order(self, row: int) -> tuple[int, ...]:
        """The variants as they stand in a row, from left to right; an order of its own for each row of a blind one.

        It follows SHA-256 over seed, row and variant, so that every version and every machine shuffles alike.
        """
        places = range(len(self.variants))
        if not self.blind:
            return tuple(places)
        return tuple(sorted(places, key=lambda place: hashlib.sha256(f"{self.seed}:{row}:{place}".encode()).digest()))


Comparisons = Mapping[int, Comparison]
"""By number, in order."""


def comparison_body(
    variants: Iterable[Variant], scenes: Iterable[Scene], seed: int, *, blind: bool
) -> dict[str, object]:
    """The body of COMPARED."""
    told = [
        {"label": each.label, "weights": None if each.weights is None else weights_body(each.weights)}
        for each in variants
    ]
    return {"variants": told, "scenes": [scene_body(scene) for scene in scenes], "seed": seed, "blind": blind}


def next_comparisons(
    known: Comparisons, number: int, time: str, kind: str, body: Body, layout: Layout
) -> Comparisons | None:
    """The comparisons after an event of this number; None if it says what is known.

    BlockweightError for an event that does not fit: no such comparison, row or variant, a vote after the labels were
    revealed. KeyError, TypeError or ValueError for a body that no version wrote.
    """
    if kind == COMPARED:
        return {**known, number: _planned(number, time, body, layout)}
    which = whole_in(body, "comparison")
    if which not in known:
        raise BlockweightError(f"There is no comparison {which}; see 'blockweight tune votes'.")
    made = _NEXT[kind](known[which], body)
    return None if made == known[which] else {**known, which: made}


def _planned(number: int, time: str, body: Body, layout: Layout) -> Comparison:
    variants = tuple(
        Variant(words_in(each, "label"), None if each["weights"] is None else weights_from(each["weights"], layout))
        for each in body["variants"]
    )
    scenes = tuple(map(scene_from, body["scenes"]))
    if len(variants) < 2 or len({each.label for each in variants}) != len(variants) or not scenes:
        raise ValueError("a comparison has two variants of different names and a scene")
    if not isinstance(body["blind"], bool):
        raise TypeError("blind is true or false")
    return Comparison(number, time, variants, scenes, whole_in(body, "seed"), body["blind"])


def _vote(comparison: Comparison, body: Body) -> Comparison:
    _check_open(comparison)
    row = whole_in(body, "row")
    best, worst = (None if body[name] is None else whole_in(body, name) for name in ("best", "worst"))
    if row >= len(comparison.scenes):
        raise BlockweightError(f"The comparison has no row {row + 1}; it has {len(comparison.scenes)}.")
    if any(place is not None and place >= len(comparison.variants) for place in (best, worst)):
        raise BlockweightError(f"The comparison has {len(comparison.variants)} variants; choose one of them.")
    if worst is not None and (best is None or best == worst):
        raise BlockweightError("The worst is another variant than the best; vote for both, or leave out the worst.")
    vote = Vote(row, best, worst)
    if comparison.votes.get(row) == vote:
        return comparison
    return replace(comparison, cast=(*comparison.cast, vote))


def _unvote(comparison: Comparison, _: Body) -> Comparison:
    _check_open(comparison)
    if not comparison.cast:
        raise BlockweightError("There is no vote to take back.")
    return replace(comparison, cast=comparison.cast[:-1])


def _reveal(comparison: Comparison, _: Body) -> Comparison:
    if not comparison.blind:
        raise BlockweightError("The comparison is not blind, so there is nothing to reveal.")
    return replace(comparison, revealed=True)


def _check_open(comparison: Comparison) -> None:
    if not comparison.blind:
        raise BlockweightError("Votes need a blind comparison; plan this one again with hidden labels.")
    if comparison.revealed:
        raise BlockweightError("The labels are revealed, so the votes are closed; plan the comparison again to vote.")


_NEXT: Mapping[str, Callable[[Comparison, Body], Comparison]] = {VOTED: _vote, UNVOTED: _unvote, REVEALED: _reveal}

COMPARING = frozenset({COMPARED, *_NEXT})
"""The kinds of events of comparisons."""
