"""Preset books on disk: check, show, change and merge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from blockweight.blocks import layouts_of_length
from blockweight.errors import quoted
from blockweight.weights import display_width
from blockweight.weights.default_presets import default_presets
from blockweight.weights.preset_book import Entry, Merged, PresetBook, merge_books, parse_book
from blockweight.weights.preset_rules import TITLES, Reader
from blockweight.workflow.conversions import find_layout
from blockweight.workflow.text_files import check_free, read_text, write_text
from blockweight.workflow.weight_table import padded, weight_table


def read_book(path: Path, reader: Reader = "lbw") -> PresetBook:
    """The book in a file, as `reader` sees it."""
    return parse_book(read_text(path), reader)


def is_sound(book: PresetBook) -> bool:
    """Whether the book's reader skips nothing but comments and blank lines, and every preset can be used."""
    return not any(entry.kind == "skipped" or entry.problem for entry in book.entries)


def entry_facts(entry: Entry) -> dict[str, object]:
    """A line as plain values, for JSON: number, kind, text, name, vector, reason, problem."""
    return asdict(entry)


def checked_lines(book: PresetBook) -> Iterator[str]:
    """What every line of the book is, and what is wrong with it; then the counts."""
    rows = [("line", "kind", "name", ""), *((str(entry.number), *_said(entry)) for entry in book.entries)]
    widths = [max(display_width(row[column]) for row in rows) for column in range(3)]
    for number, kind, name, what in rows:
        cells = (padded(number, widths[0], right=True), padded(kind, widths[1]), padded(name, widths[2]), what)
        yield "  ".join(cells).rstrip()
    counts = {
        "presets": len(book.presets),
        "comments": sum(entry.kind == "comment" for entry in book.entries),
        "skipped": sum(entry.kind == "skipped" for entry in book.entries),
        "fail when used": sum(entry.problem is not None for entry in book.entries),
    }
    yield f"\nFor {TITLES[book.reader]}: " + ", ".join(f"{what} {count}" for what, count in counts.items())


def shown_preset(book: PresetBook, name: str) -> Iterator[str]:
    """A preset's line, then its values by block if a layout has that many; BlockweightError if it is not there."""
    vector = book.vector(name)
    yield f"{name}:{vector}"
    tokens = [token.strip() for token in vector.split(",")]
    layouts = layouts_of_length(len(tokens))
    if layouts:
        yield f"\n{layouts[0].name}"
        yield from weight_table(layouts[0], [(name, dict(zip(layouts[0].blocks, tokens, strict=True)))])


def default_lines(layout: str) -> Iterator[str]:
    """The default presets of a layout (its name or length) as lines of a book."""
    return (preset.text() for preset in default_presets(find_layout(layout, None)))


def write_defaults(layout: str, out: Path, *, overwrite: bool) -> None:
    """Write the default presets of a layout as a new book."""
    write_text(out, "".join(f"{line}\n" for line in default_lines(layout)), overwrite=overwrite)


def change_book(
    path: Path, change: Callable[[PresetBook], PresetBook], reader: Reader, out: Path | None, *, overwrite: bool
) -> Path:
    """Change the book in a file, there or in another file `out`; the path that was written.

    Lines that are not changed stay byte for byte. BlockweightError, with nothing written, for what `change` refuses,
    and an `out` that exists (unless `overwrite`).
    """
    if out is not None:
        check_free(out, overwrite=overwrite)
    book = change(read_book(path, reader))
    write_text(path if out is None else out, book.text(), overwrite=out is None or overwrite)
    return path if out is None else out


def merge_files(
    first: Path, second: Path, out: Path, prefer: Literal["first", "second"], reader: Reader, *, overwrite: bool
) -> Merged:
    """Merge two books into a file (see `merge_books`)."""
    check_free(out, overwrite=overwrite)
    merged = merge_books(read_book(first, reader), read_book(second, reader), prefer)
    write_text(out, merged.book.text(), overwrite=overwrite)
    return merged


def _said(entry: Entry) -> tuple[str, str, str]:
    if entry.kind == "preset" and entry.vector is not None:
        count = entry.vector.count(",") + 1
        what = f"{count} weights" + (f"; fails when used: {entry.problem}" if entry.problem else "")
    elif entry.reason and entry.name is None:
        what = f"{quoted(entry.text, 40)}: {entry.reason}"
    else:
        what = entry.reason or ("" if entry.kind == "blank" else quoted(entry.text)[1:-1])
    return entry.kind, quoted(entry.name, 40)[1:-1] if entry.name else "", what
