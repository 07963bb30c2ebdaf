"""Preset books: named block weights in a text file, one `NAME:v,v,…` a line, among comments and whatever else is there.

A book is its lines in order. What is not changed is printed byte for byte as it was read: comments, blank lines, lines
that no program understands, ends of lines, and a byte order mark.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import split_weights
from blockweight.weights.preset_rules import (
    TITLES,
    Reader,
    problem_in_use,
    skip_reason,
    split_lines,
    split_preset,
)

_BOM = "\ufeff"

_NOT_IN_LINES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, halves of characters, ends of lines and paragraphs."""

Kind = Literal["preset", "generator", "comment", "blank", "skipped"]
"""What a line is to the book's reader. A generator is an `@` line of the Inspire Pack, which only its XY plots use."""


@dataclass(frozen=True)
class BookLine:
    """One line's text, and the characters that end it (none at the end of a book)."""

    text: str
    end: str = "\n"


@dataclass(frozen=True)
class Entry:
    """A line and what the reader makes of it. `number` counts from 1; `name` and `vector` belong to presets, skipped
    ones too where they can be told; `reason` says why a line is skipped; `problem` why a preset fails when used."""

    number: int
    kind: Kind
    text: str
    name: str | None = None
    vector: str | None = None
    reason: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class PresetBook:
    """The lines of a book, as `reader` sees them. `bom` tells whether it begins with a byte order mark."""

    lines: tuple[BookLine, ...] = ()
    reader: Reader = "lbw"
    bom: bool = False

    def text(self) -> str:
        """The whole book as it stands in the file."""
        return (_BOM if self.bom else "") + "".join(line.text + line.end for line in self.lines)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every line with what the reader makes of it. Of several presets of one name only the last one counts."""
        found = [_entry(number, line.text, self.reader) for number, line in enumerate(self.lines, 1)]
        last = {entry.name: entry.number for entry in found if entry.kind == "preset"}
        for index, entry in enumerate(found):
            if entry.kind == "preset" and entry.number != last[entry.name]:
                reason = f"line {last[entry.name]} has the same name, and the last one counts"
                found[index] = replace(entry, kind="skipped", reason=reason, problem=None)
            elif entry.number == 1 and self.bom and entry.kind == "preset":
                problem = f"the file begins with a byte order mark, which {TITLES[self.reader]} takes for a part of it"
                found[index] = replace(entry, problem=entry.problem or problem)
        return tuple(found)

    @cached_property
    def presets(self) -> dict[str, str]:
        """Name → raw vector of the presets that count, in the order of their lines."""
        return {entry.name: entry.vector for entry in self.entries if entry.kind == "preset" and entry.name is not None
                and entry.vector is not None}  # fmt: skip

    def find(self, name: str) -> str | None:
        """The raw vector of the preset called exactly `name`, as the book has it (`1,0,R,…`); None if there is none."""
        return self.presets.get(name)

    def vector(self, name: str) -> str:
        """The raw vector as `find` has it; BlockweightError, with the nearest names, if there is none."""
        found = self.find(name)
        if found is None:
            near = difflib.get_close_matches(name[:60], self.presets, n=3, cutoff=0.4) or list(self.presets)[:3]
            hint = f"did you mean {', '.join(quoted(other, 30) for other in near)}?" if near else "it has no presets."
            raise BlockweightError(f"There is no preset {quoted(name)} in the book: {hint}")
        return found

    def with_preset(self, text: str) -> PresetBook:
        """The book with the preset `NAME:v,v,…` in the line that counts for that name, else in a new last line.

        BlockweightError for a preset that the reader would skip or fail on.
        """
        name, tokens = split_weights(text, name="")
        return self._with_line(name, ",".join(token.strip() for token in tokens))

    def without(self, name: str) -> PresetBook:
        """The book without the preset, nor earlier lines of its name, which would count then."""
        gone = set(self._lines_of(name))
        return self._with_lines([line for index, line in enumerate(self.lines) if index not in gone])

    def renamed(self, name: str, new: str) -> PresetBook:
        """The book with the preset, and earlier lines of its name, under another name that is not taken."""
        indices = self._lines_of(name)
        if new != name and self.find(new) is not None:
            raise BlockweightError(f"The book has a preset {quoted(new)} already; remove it first, or choose another.")
        lines = list(self.lines)
        for index in indices:
            entry = self.entries[index]
            lines[index] = replace(lines[index], text=self._checked(new, entry.vector or "", strict=False))
        return self._with_lines(lines)

    def moved(self, name: str, before: str | None) -> PresetBook:
        """The book with all lines of the preset before those of another one; with None, at the book's end."""
        own = self._lines_of(name)
        target = len(self.lines) if before is None else self._lines_of(before)[0]
        if before == name:
            return self
        moving = [self.lines[index] for index in own]
        staying = [(index, line) for index, line in enumerate(self.lines) if index not in set(own)]
        above = [line for index, line in staying if index < target]
        below = [line for index, line in staying if index >= target]
        return self._with_lines([*above, *moving, *below])

    def appended(self, lines: Sequence[str]) -> PresetBook:
        """The book with these texts as new last lines."""
        return self._with_lines([*self.lines, *(BookLine(text, self._end) for text in lines)])

    def replaced(self, texts: Mapping[str, str]) -> PresetBook:
        """The book with the lines that count for these names replaced by these texts."""
        last = {entry.name: entry.number for entry in self.entries if entry.kind == "preset"}
        at = {last[name]: text for name, text in texts.items()}
        lines = (replace(line, text=at[number]) if number in at else line for number, line in enumerate(self.lines, 1))
        return replace(self, lines=tuple(lines))

    @property
    def _end(self) -> str:
        """How new lines end: as the first one does."""
        return next((line.end for line in self.lines if line.end), "\n")

    def _with_line(self, name: str, vector: str) -> PresetBook:
        line = self._checked(name, vector, strict=True)
        return self.appended([line]) if self.find(name) is None else self.replaced({name: line})

    def _with_lines(self, lines: list[BookLine]) -> PresetBook:
        """The same book with other lines; one that is not the last needs an end."""
        ended = [line if line.end else replace(line, end=self._end) for line in lines[:-1]]
        return replace(self, lines=(*ended, *lines[-1:]))

    def _lines_of(self, name: str) -> list[int]:
        """Indices of the lines of this name, the one that counts last; BlockweightError if the book has none."""
        self.vector(name)
        return [index for index, entry in enumerate(self.entries) if entry.name == name and not _unread(entry)]

    def _checked(self, name: str, vector: str, *, strict: bool) -> str:
        """The line `NAME:v,v,…` if the reader will read it as just that; values are proved only if `strict`."""
        line = f"{name}:{vector}"
        entry = _entry(1, line, self.reader)
        reason = entry.reason
        if not reason and any(letter == _BOM or unicodedata.category(letter) in _NOT_IN_LINES for letter in line):
            reason = "its name is not one line of text"
        if not reason and (entry.kind, entry.name, entry.vector) != ("preset", name, vector):
            reason = 'a name may not begin with "#" or "@", begin or end with a space, or have a ":" in it'
        if not reason and (strict or not name):
            reason = entry.problem
        if reason:
            raise BlockweightError(f"{TITLES[self.reader]} would not take the preset {quoted(name)}: {reason}.")
        return line


def parse_book(text: str, reader: Reader = "lbw") -> PresetBook:
    """Read a book; any text is one. `parse_book(text).text()` is `text` again."""
    bom = text.startswith(_BOM)
    lines = []
    for line in split_lines(text[len(_BOM) :] if bom else text, reader):
        body = line.splitlines()[0] if reader == "lbw" else line.rstrip("\r\n")
        lines.append(BookLine(body, line[len(body) :]))
    return PresetBook(tuple(lines), reader, bom)


@dataclass(frozen=True)
class Merged:
    """Two books as one. `added` are the second's presets that the first lacked; `equal` names have the same weights in
    both; of `differing` names one book's weights were taken."""

    book: PresetBook
    added: tuple[str, ...]
    equal: tuple[str, ...]
    differing: tuple[str, ...]


def merge_books(first: PresetBook, second: PresetBook, prefer: Literal["first", "second"] = "first") -> Merged:
    """The first book, then what only the second has, in its order.

    A name that both have stays where the first has it; with `prefer` "second" it takes the second's line. Of the
    second's comments and skipped lines those are taken that the first has not got word for word. Merging a book with
    itself changes nothing.
    """
    common = [name for name in second.presets if name in first.presets]
    differing = [name for name in common if _values(first.presets[name]) != _values(second.presets[name])]
    texts = {entry.name: entry.text for entry in second.entries if entry.kind == "preset" and entry.name is not None}
    book = first.replaced({name: texts[name] for name in differing}) if prefer == "second" else first
    known = {line.text for line in first.lines}
    new = _tidy([entry.text for entry in second.entries if _is_new(entry, known, lambda name: name in first.presets)])
    added = tuple(name for name in second.presets if name not in first.presets)
    equal = tuple(name for name in common if name not in differing)
    return Merged(book.appended(new) if new else book, added, equal, tuple(differing))


def _is_new(entry: Entry, known: set[str], in_first: Callable[[str], bool]) -> bool:
    if entry.kind == "blank":
        return True
    if entry.name is not None and not _unread(entry):
        return not in_first(entry.name)
    return entry.text not in known


def _tidy(lines: list[str]) -> list[str]:
    """Without blank lines at the ends, and with one where several followed each other."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1].strip()):
            kept.append(line)
    return kept if not kept or kept[-1].strip() else kept[:-1]


def _values(vector: str) -> list[str]:
    return [token.strip() for token in vector.split(",")]


def _unread(entry: Entry) -> bool:
    """Whether the line is no preset, not even one that a later line of its name hides."""
    return entry.vector is None


def _entry(number: int, text: str, reader: Reader) -> Entry:
    """The line by itself: whether a later one hides it is not known yet."""
    if not text.strip():
        return Entry(number, "blank", text)
    if text.lstrip().startswith("#"):
        return Entry(number, "comment", text)
    if reader == "inspire" and text.lstrip().startswith("@"):
        return Entry(number, "generator", text)
    reason = skip_reason(text, reader)
    if reason is not None:
        name = split_preset(text, reader)[0] if ":" in text else None
        return Entry(number, "skipped", text, name, reason=reason)
    name, vector = split_preset(text, reader)
    return Entry(number, "preset", text, name, vector, problem=problem_in_use(name, vector, reader))
