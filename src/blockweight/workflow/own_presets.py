"""The person's own preset book: the default presets until it is changed, then a text file in the config folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.weights.preset_book import PresetBook, merge_books, parse_book
from blockweight.workflow.config_folder import CONFIG, config_folder
from blockweight.workflow.preset_books import default_lines, read_book
from blockweight.workflow.text_files import write_text

_FIRST_LAYOUT = "17"
"""Of the default presets, as LoRA Block Weight brings them."""


def presets_file() -> Path:
    """The file of the person's book; there is none until the book is changed."""
    return config_folder() / "presets.txt"


def load_presets() -> PresetBook:
    """The person's book, or the default presets if there is none. BlockweightError for a file that cannot be read."""
    path = presets_file()
    try:
        there = path.exists()
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The config folder '{path.parent}' cannot be read ({error}); set {CONFIG}.") from None
    return read_book(path) if there else parse_book("".join(f"{line}\n" for line in default_lines(_FIRST_LAYOUT)))


def own_vector(name: str) -> str | None:
    """What the person's book has under this name; None where it has nothing, and for a default preset as it came: its
    name fits every layout, its numbers only one."""
    found = load_presets().find(name)
    return None if found is not None and f"{name}:{found}" in default_lines(_FIRST_LAYOUT) else found


def change_presets(change: Callable[[PresetBook], PresetBook]) -> PresetBook:
    """Change the person's book and write it; the new book. BlockweightError, with nothing written, otherwise."""
    book = change(load_presets())
    path = presets_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The config folder '{path.parent}' cannot be made ({error}); set {CONFIG}.") from None
    write_text(path, book.text(), overwrite=True)
    return book


def book_of(text: str) -> PresetBook:
    """Any text as a book for LoRA Block Weight."""
    return parse_book(text)


def added_preset(book: PresetBook, text: str, before: str = "") -> PresetBook:
    """The book with a new preset `NAME:v,v,…`, before another one if that is there, else at its end. BlockweightError
    for a name that is taken, and for what LoRA Block Weight would skip or fail on."""
    made = book.with_preset(text)
    new = [name for name in made.presets if name not in book.presets]
    if not new:
        raise BlockweightError(
            f"The book has the preset {quoted(text.partition(':')[0])} already; choose another name."
        )
    return made.moved(new[0], before) if before in book.presets else made


def edited_preset(book: PresetBook, name: str, new: str, weights: str) -> PresetBook:
    """The book with a preset under a new name, or its own, and with these weights, in its place."""
    if ":" in new:
        raise BlockweightError(f"A preset's name cannot hold a colon, as in {quoted(new)}; leave it out.")
    renamed = book if new.strip() == name else book.renamed(name, new.strip())
    return renamed.with_preset(f"{new.strip()}:{weights}")


def merged_presets(book: PresetBook, text: str, prefer: Literal["first", "second"]) -> PresetBook:
    """The book with the presets of a text that it lacks, and of those that both have the book's own ("first") or the
    text's. BlockweightError for a text without a preset."""
    other = parse_book(text if text.endswith("\n") else f"{text}\n")
    if not other.presets:
        reasons = (entry.reason for entry in other.entries if entry.reason)
        raise BlockweightError(
            f"There is no preset in {quoted(text)}: {next(reasons, 'write each on a line, NAME:1,0,0.5,…')}."
        )
    return merge_books(book, other, prefer).book


def place_of_neighbour(names: Sequence[str], name: str, by: Literal["up", "down"]) -> str | None:
    """The name that an entry is put before when it is moved by one place, None for the end. BlockweightError for an
    entry that is not there."""
    if name not in names:
        raise BlockweightError(f"There is no {quoted(name)} any more; load the page anew.")
    place = list(names).index(name)
    if by == "up":
        return names[max(place - 1, 0)]
    return names[place + 2] if place + 2 < len(names) else None
