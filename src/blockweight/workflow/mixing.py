"""Weights compared and mixed, as they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.blocks import REST, standard_blocks
from blockweight.errors import BlockweightError
from blockweight.weights import (
    PLACES,
    BlockWeights,
    average,
    check_name,
    convert,
    difference,
    format_weight,
    interpolate,
    parse_weight,
    plain_number,
)
from blockweight.workflow.conversions import Source, lost_tag, weights_facts
from blockweight.workflow.weight_table import FOOTNOTE, aligned

MOST_STEPS = 1000


@dataclass(frozen=True)
class Alike:
    """Weights in one layout, and what it took: hints on blocks that were filled or dropped."""

    weights: tuple[BlockWeights, ...]
    hints: tuple[str, ...]


def read_alike(texts: Sequence[str], source: Source) -> Alike:
    """Weights in any notation, all in the layout of the longest; blocks that others lack take the source's fill.
    BlockweightError as for reading and converting one."""
    readings = [source.read(text) for text in texts]
    longest = max((reading.weights.layout for reading in readings), key=len)
    made: list[BlockWeights] = []
    hints: list[str] = []
    for reading in readings:
        weights, filled = reading.weights, reading.filled
        dropped: tuple[str, ...] = ()
        if weights.layout.blocks != longest.blocks:
            converted = convert(weights, longest, source.fill)
            weights, filled, dropped = converted.weights, (*filled, *converted.filled), converted.dropped
        hints += [f"{weights.name}: {hint}" for hint in (*reading.hints, *lost_tag(reading))]
        for what, blocks in (("filled", filled), ("dropped", dropped)):
            if blocks:
                hints.append(f"{weights.name}: {what} {', '.join(blocks)}")
        made.append(weights)
    return Alike(tuple(made), tuple(hints))


@dataclass(frozen=True)
class Diff:
    """Two weights in one layout, and the blocks (REST among them) whose weights differ: (in first, in second)."""

    first: BlockWeights
    second: BlockWeights
    blocks: dict[str, tuple[float, float]]
    hints: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: `a` and `b` (the names), `layout`, and `blocks`, each with `a`, `b`, `change`."""
        blocks = {
            block: {"a": plain_number(old), "b": plain_number(new), "change": plain_number(round(new - old, PLACES))}
            for block, (old, new) in self.blocks.items()
        }
        return {
            "a": self.first.name,
            "b": self.second.name,
            "layout": self.first.layout.name,
            "blocks": blocks,
            "hints": list(self.hints),
        }

    def lines(self) -> list[str]:
        """A line per block that differs: its name, both weights and the change, in columns."""
        if not self.blocks:
            return [f"{self.first.name} and {self.second.name} have the same weights ({self.first.layout.name})."]
        standard = standard_blocks(self.first.layout) | {REST}
        rows = [("block", self.first.name, self.second.name, "change")]
        for block, (old, new) in self.blocks.items():
            change = _change(old, new)
            signed = change if change.startswith("-") else f"+{change}"
            shown = block if block in standard else f"{block}*"
            rows.append((shown, format_weight(old), format_weight(new), signed))
        lines = aligned(rows)
        return [*lines, "", FOOTNOTE] if any(row[0].endswith("*") for row in rows) else lines


def diff_texts(first: str, second: str, source: Source) -> Diff:
    """The difference of two weights in any notation; BlockweightError for what cannot be read or compared."""
    alike = read_alike((first, second), source)
    one, other = alike.weights
    return Diff(one, other, difference(one, other), alike.hints)


@dataclass(frozen=True)
class Mixed:
    """Weights that were made, in order."""

    weights: tuple[BlockWeights, ...]
    hints: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Lines for a preset book."""
        return [each.text() for each in self.weights]

    def facts(self) -> list[dict[str, object]]:
        """As plain values, for JSON: a list of name, layout, values by block, text."""
        return [{**weights_facts(each), "text": each.text()} for each in self.weights]


def interpolate_texts(
    first: str, second: str, source: Source, *, at: Sequence[float] = (), steps: int | None = None
) -> Mixed:
    """Weights between two, at each of `at` (0 the first, 1 the second), or in `steps` equal steps, both ends included.

    Each is called after both and its place, `A-B_0.25`. BlockweightError where neither or both of `at` and `steps` are
    given, or less than 1 or more than MOST_STEPS steps.
    """
    if bool(at) == (steps is not None):
        raise BlockweightError("Give either --at (as often as you like) or --steps, as in --at 0.5 or --steps 4.")
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise BlockweightError(f"{steps} steps cannot be made; give 1 to {MOST_STEPS}.")
    alike = read_alike((first, second), source)
    one, other = alike.weights
    places = at if steps is None else [round(step / steps, 6) for step in range(steps + 1)]
    names = [f"{one.name}-{other.name}_{format_weight(place)}" for place in places]
    made = (interpolate(one, other, place, name) for place, name in zip(places, names, strict=True))
    return _with_rest(tuple(made), alike.hints)


def average_texts(texts: Sequence[str], source: Source, shares: str = "", name: str = "Average") -> Mixed:
    """The average of weights; `shares` are numbers such as `2,1,1`, equal ones if empty."""
    parsed = [parse_weight(share) for share in shares.split(",")] if shares.strip() else [1.0] * len(texts)
    alike = read_alike(texts, source)
    return _with_rest((average(alike.weights, parsed, check_name(name)),), alike.hints)


def _with_rest(made: tuple[BlockWeights, ...], hints: tuple[str, ...]) -> Mixed:
    """The weights, with a hint where a line has no place for their REST."""
    lost = [each for each in made if each.rest != 1]
    if not lost:
        return Mixed(made, hints)
    names = ", ".join(f"{each.name} {format_weight(each.rest)}" for each in lost)
    return Mixed(made, (*hints, f"A line has no place for REST ({names}); --json keeps it."))


def _change(old: float, new: float) -> str:
    return format_weight(round(new - old, PLACES))
