"""A search by preference in words for a terminal, and as plain values for JSON. What is not judged yet stays blind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blockweight.measure import segments_text
from blockweight.project import FEW, ChoiceRound, Choosing
from blockweight.weights import format_weight
from blockweight.workflow.choosing.proposing import Standing, standing
from blockweight.workflow.choosing.running import place_names, round_scenes
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.tuning_text import block_text, scene_facts

LITTLE, OPEN, KNOWN = "hardly matters so far", "open", "settled"
"""What is known of a segment."""

_LITTLE = 1.0
_OPEN = 0.1


def asked_lines(choosing: Choosing) -> Iterator[str]:
    """Where and among what is chosen."""
    weights = ", ".join(map(format_weight, choosing.grid)) or "any weight from {} to {}".format(
        *map(format_weight, choosing.limits)
    )
    seeds = ", ".join(f"{scene.label}, seed {scene.seed}" for scene in choosing.scenes)
    yield f"Scenes:   {len(choosing.scenes)} ({seeds})"
    yield f"Segments: {segments_text(choosing.segments)}"
    yield f"Weights:  {weights}; all other blocks stay as they are"


def stands_lines(choosing: Choosing) -> Iterator[str]:
    """What was shown in the round that was judged last, and what all choices have come to."""
    if not choosing.judged:
        return
    yield from _judged_lines(choosing, choosing.judged[-1])
    stands = standing(choosing)
    yield f"Best:     {point_text(choosing, stands.best)}"
    yield f"          best of all that were shown: {_percent(stands.surest)}"
    for each, known, weight in zip(choosing.segments, stands.segments, stands.best, strict=True):
        told = known_text(known.matters, known.open)
        more = "" if told != OPEN else f", another weight may be better ({_percent(known.open)})"
        yield f"          {each.name} at {format_weight(weight)}: {told}{more}"
    yield f"          {stop_text(stands)}"


def stop_text(stands: Standing) -> str:
    """Whether it is time to stop."""
    if stands.settled:
        return f"Nothing better is likely: the chance of noticeably better weights is {_percent(stands.better)}."
    return f"Go on: the chance of noticeably better weights is {_percent(stands.better)}."


def known_text(matters: float, chance: float) -> str:
    """What is known of a segment, in a word: by how many noticeable differences it matters, and the chance that another
    weight of it is noticeably better."""
    if matters < _LITTLE:
        return LITTLE
    return OPEN if chance > _OPEN else KNOWN


def point_text(choosing: Choosing, point: Sequence[float]) -> str:
    """`a 0.5 (IN01,IN02), b 1 (OUT07)`."""
    layout = choosing.weights.layout
    pairs = zip(choosing.segments, point, strict=True)
    return ", ".join(
        f"{each.name} {format_weight(weight)} ({block_text(each.blocks, layout) or 'REST'})" for each, weight in pairs
    )


def short_text(choosing: Choosing, point: Sequence[float]) -> str:
    """`a 0.5, b 1`."""
    pairs = zip(choosing.segments, point, strict=True)
    return ", ".join(f"{each.name} {format_weight(weight)}" for each, weight in pairs)


def choosing_facts(choosing: Choosing) -> dict[str, object]:
    """The search as plain values: what was judged with its weights, of the round that is to be judged the names
    alone."""
    return {
        "choosing": choosing.number,
        "segments": segments_text(choosing.segments),
        "grid": list(choosing.grid),
        "between": None if choosing.grid else list(choosing.limits),
        "scenes": [scene_facts(scene) for scene in choosing.scenes],
        "seed": choosing.seed,
        "round": len(choosing.rounds),
        "kind": choosing.open.kind,
        "pictures": list(place_names(choosing.open)),
        "judged": [_judged_facts(choosing, each) for each in choosing.judged],
        "stands": None if not choosing.judged else stands_facts(choosing),
    }


def stands_facts(choosing: Choosing) -> dict[str, object]:
    """What the choices have come to, as plain values."""
    stands = standing(choosing)
    segments = [
        {
            "segment": each.name,
            "blocks": block_text(each.blocks, choosing.weights.layout) or "REST",
            "weight": format_weight(weight),
            "matters": round(known.matters, 3),
            "open": round(known.open, 3),
            "known": known_text(known.matters, known.open),
        }
        for each, known, weight in zip(choosing.segments, stands.segments, stands.best, strict=True)
    ]
    return {
        "weights": weights_facts(choosing.weights_of(stands.best, choosing.weights.name)),
        "best_of_shown": round(stands.surest, 3),
        "better_elsewhere": round(stands.better, 3),
        "settled": stands.settled,
        "segments": segments,
    }


def _judged_lines(choosing: Choosing, shown: ChoiceRound) -> Iterator[str]:
    names = place_names(shown)
    if shown.best is None:
        said = "no difference"
    else:
        said = f"best {names[shown.best]}" + ("" if shown.worst is None else f", worst {names[shown.worst]}")
    yield f"Round {len(choosing.judged)}: {said}"
    picked = [place for place in (shown.best, shown.control) if place is not None]
    for place in range(len(names)) if shown.kind == FEW else dict.fromkeys(picked):
        before = " (the best before)" if place == shown.control else ""
        yield f"          {names[place]}: {short_text(choosing, shown.points[place])}{before}"


def _judged_facts(choosing: Choosing, shown: ChoiceRound) -> dict[str, object]:
    names = place_names(shown)
    return {
        "kind": shown.kind,
        "scenes": len(round_scenes(choosing, shown)),
        "best": None if shown.best is None else names[shown.best],
        "worst": None if shown.worst is None else names[shown.worst],
        "control": names[shown.control],
        "pictures": [
            {"name": name, "weights": list(point), "text": short_text(choosing, point)}
            for name, point in zip(names, shown.points, strict=True)
        ],
    }


def _percent(chance: float) -> str:
    return f"{round(100 * chance)} %"
