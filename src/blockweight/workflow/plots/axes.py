"""A plot's axes, from what is typed to labels and changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import MOST_VALUES
from blockweight.workflow.plots.axis_kinds import LAST, SWAP, AxisKind, find_kind, swap
from blockweight.workflow.plots.shots import Shot
from blockweight.workflow.text_files import read_text

Edit = Callable[[Shot], Shot]
"""A picture with one value of an axis."""


@dataclass(frozen=True)
class Place:
    """One place on an axis: what it is called, and what it changes, each with its turn (`AxisKind.turn`)."""

    label: str
    edits: tuple[tuple[int, Edit], ...] = ()
    baseline: bool = False


@dataclass(frozen=True)
class Axis:
    """`title` is for people; `kinds` are the names of what stands on it, of which several move together."""

    title: str
    kinds: tuple[str, ...]
    places: tuple[Place, ...]


NO_AXIS = Axis("", (), (Place(""),))
"""A single place that changes nothing."""


@dataclass(frozen=True)
class Typed:
    """A kind with its values, as they were typed."""

    kind: AxisKind
    values: tuple[str, ...]

    def edit(self, number: int) -> Edit:
        """What the value of this number changes."""
        value = self.values[number]
        if self.kind is SWAP:
            return lambda shot: swap(shot, self.values[0], value)
        return lambda shot: self.kind.change(shot, value)

    def label(self, number: int) -> str:
        """What it is called."""
        return self.kind.label(self.values[number]) or "(empty)"


def read_typed(text: str) -> Typed:
    """`KIND=values`, or `KIND=@FILE` for the values in a text file, in lines that are read like values.
    BlockweightError for an unknown kind, and no values."""
    name, equals, values = text.partition("=")
    if not equals:
        raise BlockweightError(f"{quoted(text)} is no axis; write a kind and its values, as in steps=10,20,30.")
    kind = find_kind(name)
    if values.strip().startswith("@"):
        lines = [line.strip() for line in read_text(Path(values.strip()[1:])).removeprefix("\ufeff").splitlines()]
        return typed_values(kind, tuple(value for line in lines if line for value in kind.split(line)))
    return typed_values(kind, tuple(kind.split(values)))


def typed_values(kind: AxisKind, found: tuple[str, ...]) -> Typed:
    """These values of the kind. BlockweightError for none, and too many."""
    if not found:
        raise BlockweightError(f"The axis {kind.name} has no values; write them behind the equals sign.")
    if len(found) > MOST_VALUES:
        raise BlockweightError(f"The axis {kind.name} has {len(found)} values, more than {MOST_VALUES}; give fewer.")
    return Typed(kind, found)


def axis_of(texts: Sequence[str]) -> Axis:
    """The axis on which what these texts say (`read_typed`) moves together: the first value of each, then the second,
    and so on; a single value stands beside all. BlockweightError for lists of several lengths."""
    return together([read_typed(text) for text in texts])


def together(typed: Sequence[Typed]) -> Axis:
    """The axis on which these move together, as `axis_of`."""
    if not typed:
        return NO_AXIS
    names = [each.kind.name for each in typed]
    if len(set(names)) < len(names):
        raise BlockweightError(f"{' and '.join(names)} on one axis are the same kind; give its values in one list.")
    count = max(len(each.values) for each in typed)
    odd = next((each for each in typed if len(each.values) not in (1, count)), None)
    if odd is not None:
        raise BlockweightError(
            f"What moves together needs as many values each, but {odd.kind.name} has {len(odd.values)} beside {count}; "
            "give one for each, or one for all."
        )
    places = [
        Place(
            "\n".join(each.label(_at(each, n)) for each in typed if len(each.values) == count),
            tuple((each.kind.turn, each.edit(_at(each, n))) for each in typed),
        )
        for n in range(count)
    ]
    return Axis(", ".join(each.kind.title for each in typed), tuple(names), tuple(places))


def _at(typed: Typed, number: int) -> int:
    return number if len(typed.values) > 1 else 0


def with_baseline(axis: Axis, label: str) -> Axis:
    """The axis with a place before the others at which the LoRA is left out."""
    without = Place(label, ((LAST, lambda shot: shot.with_lora(off=True)),), baseline=True)
    return Axis(axis.title, axis.kinds, (without, *axis.places))


def shot_at(shot: Shot, *places: Place) -> Shot:
    """The picture with these places of its axes: all that they change, in turn."""
    edits = [edit for place in places for edit in place.edits]
    for _, change in sorted(edits, key=lambda edit: edit[0]):
        shot = change(shot)
    return shot
