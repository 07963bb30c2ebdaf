"""Hints: named block weights with a note, shown beside one's own for reference.

A table of them is data: the one that ships is `hints.toml`, with the rows of the spreadsheet LoRA Block Weight Plot
Helper that the pictures of its tutorial show.
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from blockweight.blocks import Layout, layout_by_name
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights, check_name, parse_values, split_weights

_FIELDS = {"name", "layout", "weights", "note"}


@dataclass(frozen=True)
class Hint:
    """Block weights with a note on what they are or where they come from.

    BlockweightError for a name that is empty or not one line, a note that no file can hold, and a weight for REST,
    which no vector has.
    """

    weights: BlockWeights
    note: str = ""

    def __post_init__(self) -> None:
        if not check_name(self.name) or self.name != self.name.strip():
            raise BlockweightError(f"{quoted(self.name)} cannot be a hint's name; give one without spaces around it.")
        if self.weights.rest != 1:
            raise BlockweightError(
                f"The hint {quoted(self.name)} weighs REST, which hints cannot hold; leave REST out."
            )
        if any(unicodedata.category(letter) == "Cs" for letter in self.note):
            raise BlockweightError(f"The note of {quoted(self.name)} has a character that is no text; write it anew.")

    @property
    def name(self) -> str:
        """The name of the weights, by which a table knows the hint."""
        return self.weights.name


@dataclass(frozen=True)
class HintTable:
    """Hints in a person's order, each name once (ValueError otherwise)."""

    hints: tuple[Hint, ...] = ()

    def __post_init__(self) -> None:
        if len({hint.name for hint in self.hints}) != len(self.hints):
            raise ValueError("a name stands twice in the table")

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(hint.name for hint in self.hints)

    def find(self, name: str) -> Hint:
        """The hint of exactly this name; BlockweightError with the nearest names."""
        return self.hints[self._place(name)]

    def added(self, hint: Hint, before: str | None = None) -> HintTable:
        """The table with a new hint before another one, or at its end; BlockweightError if the name is taken."""
        if hint.name in self.names:
            raise BlockweightError(f"There is a hint {quoted(hint.name)} already; change it by 'hints set'.")
        place = len(self.hints) if before is None else self._place(before)
        return HintTable((*self.hints[:place], hint, *self.hints[place:]))

    def changed(self, name: str, hint: Hint) -> HintTable:
        """The table with `hint` in the place of the one called `name`; BlockweightError if another has its name."""
        place = self._place(name)
        if hint.name != name and hint.name in self.names:
            raise BlockweightError(f"There is a hint {quoted(hint.name)} already; choose another name.")
        return HintTable((*self.hints[:place], hint, *self.hints[place + 1 :]))

    def renamed(self, name: str, new: str) -> HintTable:
        """The table with a hint under another name that is not taken."""
        hint = self.find(name)
        return self.changed(name, replace(hint, weights=replace(hint.weights, name=new)))

    def removed(self, name: str) -> HintTable:
        """The table without the hint."""
        place = self._place(name)
        return HintTable((*self.hints[:place], *self.hints[place + 1 :]))

    def moved(self, name: str, before: str | None) -> HintTable:
        """The table with the hint before another one, or at its end."""
        hint = self.find(name)
        return self if before == name else self.removed(name).added(hint, before)

    def merged(self, other: Iterable[Hint]) -> HintTable:
        """The table with these hints: one of a known name takes the place of the old one, the others follow."""
        table = self
        for hint in other:
            table = table.changed(hint.name, hint) if hint.name in table.names else table.added(hint)
        return table

    def _place(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        near = difflib.get_close_matches(name[:60], self.names, n=3, cutoff=0.4)
        known = f"did you mean {', '.join(quoted(other, 30) for other in near)}?" if near else "see 'hints list'."
        raise BlockweightError(f"There is no hint called {quoted(name)}; {known}")


@cache
def shipped_hints() -> HintTable:
    """The table that ships with the program."""
    return parse_hints(Path(__file__).with_name("hints.toml").read_text(encoding="utf-8"))


def with_shipped(table: HintTable, name: str | None = None) -> HintTable:
    """The table with one shipped hint, or all of them, as they ship.

    One keeps its place, or comes to the end if it had been removed. All come first, in their order; a person's own
    hints follow. BlockweightError for a name that no shipped hint has.
    """
    shipped = shipped_hints()
    if name is not None:
        if name not in shipped.names:
            raise BlockweightError(f"No hint called {quoted(name)} ships; there are {', '.join(shipped.names)}.")
        return table.merged([shipped.find(name)])
    return HintTable((*shipped.hints, *(hint for hint in table.hints if hint.name not in shipped.names)))


def parse_hints(text: str) -> HintTable:
    """Read a table in TOML: `[[hint]]` with `name`, `layout`, `weights` (`"1,0,0.5,…"`) and, if there is one, `note`.

    BlockweightError, naming the hint, for what is not such a table.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BlockweightError(f"The hints are not TOML ({quoted(str(error), 90)[1:-1]}); mend that line.") from None
    rows = data.get("hint", [])
    if not isinstance(rows, list) or set(data) - {"hint"}:
        raise BlockweightError("The hints' TOML must hold [[hint]] tables and nothing else; see 'hints export'.")
    table = HintTable()
    for number, row in enumerate(rows, 1):
        hint = _hint(number, row)
        if hint.name in table.names:
            raise BlockweightError(f"Two hints are called {quoted(hint.name)}; give one of them another name.")
        table = table.added(hint)
    return table


def print_hints(table: HintTable) -> str:
    """The table in TOML, as `parse_hints` reads it."""
    return "\n".join(
        f"[[hint]]\nname = {_toml(hint.name)}\nlayout = {_toml(hint.weights.layout.name)}\n"
        f"weights = {_toml(hint.weights.vector())}\n" + (f"note = {_toml(hint.note)}\n" if hint.note else "")
        for hint in table.hints
    )


def _hint(number: int, row: Any) -> Hint:
    texts = {key: value for key, value in row.items() if isinstance(value, str)} if isinstance(row, dict) else {}
    if not isinstance(row, dict) or not {"name", "layout", "weights"} <= set(texts) or set(row) - _FIELDS or \
            len(texts) != len(row):  # fmt: skip
        raise BlockweightError(
            f"Hint {number} of the TOML must have name, layout and weights, may have a note, all of them texts, and "
            "nothing else; see 'hints export'."
        )
    try:
        return Hint(read_weights_as(texts["name"], texts["weights"], layout_by_name(texts["layout"])),
                    texts.get("note", ""))  # fmt: skip
    except BlockweightError as error:
        raise BlockweightError(f"Hint {number} of the TOML, {quoted(texts['name'], 30)}: {error}") from None


def read_weights_as(name: str, vector: str, layout: Layout) -> BlockWeights:
    """Weights of this layout from `1,0,0.5,…`; BlockweightError for another count, or what is no number."""
    if ":" in vector or "：" in vector:
        raise BlockweightError(f"The weights {quoted(vector)} must be numbers alone, as in 1,0,0.5,…")
    return parse_values(name, split_weights(vector)[1], layout)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _toml(text: str) -> str:
    """A TOML basic string (TOML 1.0): quotes, backslashes and control characters are escaped."""
    letters = (
        _ESCAPES.get(letter) or (f"\\u{ord(letter):04x}" if ord(letter) < 32 or ord(letter) == 127 else letter)
        for letter in text
    )
    return f'"{"".join(letters)}"'
