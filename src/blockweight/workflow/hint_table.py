"""The person's table of hints: the shipped one until it is changed, then a TOML file in the config folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.weights import BlockWeights, Context, display_width, format_weight, read_weights
from blockweight.weights.hint_formats import book_hints, hints_book, parse_sheet, print_sheet
from blockweight.weights.hints import Hint, HintTable, parse_hints, print_hints, shipped_hints, with_shipped
from blockweight.weights.preset_book import parse_book
from blockweight.weights.preset_rules import Reader
from blockweight.workflow.config_folder import CONFIG, config_folder
from blockweight.workflow.conversions import Source, find_layout, weights_facts
from blockweight.workflow.text_files import read_text, write_text
from blockweight.workflow.weight_table import padded, weight_table


def hints_file() -> Path:
    """The file of the person's table; there is none until the table is changed."""
    return config_folder() / "hints.toml"


def load_hints() -> HintTable:
    """The person's table, or the shipped one if there is none. BlockweightError for a file that cannot be read."""
    path = hints_file()
    try:
        there = path.exists()
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The config folder '{path.parent}' cannot be read ({error}); set {CONFIG}.") from None
    if not there:
        return shipped_hints()
    try:
        return parse_hints(read_text(path).removeprefix("\ufeff"))
    except BlockweightError as error:
        raise BlockweightError(f"In '{path}': {error}") from None


def change_hints(change: Callable[[HintTable], HintTable]) -> HintTable:
    """Change the person's table and write it; the new table. BlockweightError, with nothing written, otherwise."""
    table = change(load_hints())
    path = hints_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BlockweightError(f"The config folder '{path.parent}' cannot be made ({error}); set {CONFIG}.") from None
    write_text(path, print_hints(table), overwrite=True)
    return table


def reset_hints(name: str | None = None) -> HintTable:
    """Bring back one shipped hint, or all of them (see `with_shipped`); the new table."""
    return change_hints(lambda table: with_shipped(table, name))


def hint_of(text: str, note: str = "", layout: str | None = None) -> Hint:
    """A hint from weights with a name, in any notation; `layout` (name or length) chooses among several of one length.
    BlockweightError if they have no name or cannot be read."""
    chosen = None if layout is None else find_layout(layout, None)
    weights = read_weights(text, Context(layout=chosen, name="")).weights
    if not weights.name:
        raise BlockweightError(f"{quoted(text)} has no name; write NAME:1,0,0.5,…")
    return Hint(weights, note)


def own_weights(text: str, layout: str | None = None) -> BlockWeights:
    """One's own weights, in any notation, to show hints under."""
    return Source(layout=layout).read(text).weights


@dataclass(frozen=True)
class HintRow:
    """A hint as a row below a weight table: its name, its note, and a text for every block of the table's layout, empty
    where the hint has no such block."""

    name: str
    note: str
    cells: tuple[str, ...]


def hint_rows(layout: Layout) -> tuple[HintRow, ...]:
    """The person's hints of the layout's family, in their order, for a table of this layout."""
    hints = (hint for hint in load_hints().hints if hint.weights.layout.family == layout.family)
    rows = ((hint, _cells(hint.weights, layout)) for hint in hints)
    return tuple(
        HintRow(hint.name, hint.note, tuple(cells.get(block, "") for block in layout.blocks)) for hint, cells in rows
    )


def changed_hint(table: HintTable, text: str, note: str | None, layout: str | None) -> HintTable:
    """The table with the weights, and the note if one is given, of the hint that `text` names."""
    weights = hint_of(text, layout=layout).weights
    old = table.find(weights.name)
    if layout is None and len(weights.layout) == len(old.weights.layout):
        weights = hint_of(text, layout=old.weights.layout.name).weights
    return table.changed(weights.name, Hint(weights, old.note if note is None else note))


def edited_hint(table: HintTable, name: str, new: str, weights: str, note: str) -> HintTable:
    """The table with a hint under a new name, or its own, with these weights and this note, in its place."""
    if ":" in new:
        raise BlockweightError(f"A hint's name cannot hold a colon here, as in {quoted(new)}; leave it out.")
    renamed = table if new.strip() == name else table.renamed(name, new.strip())
    return changed_hint(renamed, f"{new.strip()}:{weights}", note, None)


def read_hints(
    path: Path, layout: str | None = None, reader: Reader = "lbw"
) -> tuple[tuple[Hint, ...], tuple[str, ...]]:
    """The hints of a file, and a sentence on every line of it that gives none: TOML (.toml), rows of the sheet (.csv,
    .tsv), or else a preset book for `reader`. BlockweightError if the file has no hint at all."""
    text = read_text(path).removeprefix("\ufeff")
    chosen = None if layout is None else find_layout(layout, None)
    return _hints_in(text, path.suffix.lower(), quoted(str(path), 300), chosen, reader)


def pasted_hints(text: str) -> tuple[tuple[Hint, ...], tuple[str, ...]]:
    """The same of a text that is pasted: TOML with `[[hint]]`, rows as a spreadsheet copies them, rows of a CSV under
    their heads, or else a preset book."""
    plain = text.removeprefix("\ufeff")
    first = plain.strip().partition("\n")[0]
    ending = ".toml" if "[[hint]]" in plain else ".tsv" if "\t" in first else ".csv" if first[:5] == "NAME," else ""
    return _hints_in(plain, ending, quoted(text), None, "lbw")


def _hints_in(
    text: str, ending: str, shown: str, layout: Layout | None, reader: Reader
) -> tuple[tuple[Hint, ...], tuple[str, ...]]:
    left_out: tuple[str, ...] = ()
    match ending:
        case ".toml":
            hints = parse_hints(text).hints
        case ".csv":
            hints = parse_sheet(text, ",", layout)
        case ".tsv":
            hints = parse_sheet(text, "\t", layout)
        case _:
            hints, left_out = book_hints(parse_book(text, reader), layout)
    if not hints:
        if left_out:
            raise BlockweightError(f"There is no hint in {shown}: {left_out[0]}")
        raise BlockweightError(f"There is no hint in {shown}; give TOML, rows of the sheet, or a preset book.")
    return hints, left_out


def export_hints(path: Path, reader: Reader = "lbw", *, overwrite: bool) -> int:
    """Write the table in the form that the file's ending asks for (see `read_hints`); how many hints there are."""
    table = load_hints()
    write_text(path, hints_text(table, path.suffix.lower(), reader), overwrite=overwrite)
    return len(table.hints)


def hints_text(table: HintTable, ending: str, reader: Reader = "lbw") -> str:
    """The table as the text of a file with this ending: `.toml`, `.csv`, `.tsv`, else a preset book."""
    match ending:
        case ".toml":
            return print_hints(table)
        case ".csv":
            return print_sheet(table, ",")
        case ".tsv":
            return print_sheet(table, "\t")
        case _:
            return hints_book(table, reader).text()


def hint_facts(hint: Hint) -> dict[str, object]:
    """A hint as plain values, for JSON: name, layout, values by block, text, note."""
    return {**weights_facts(hint.weights), "text": hint.weights.text(), "note": hint.note}


def listed_hints(table: HintTable) -> Iterator[str]:
    """Each hint's name, layout and numbers in a line."""
    rows = [(hint.name, hint.weights.layout.name, hint.weights.vector()) for hint in table.hints]
    names, layouts = (max((display_width(row[column]) for row in rows), default=0) for column in (0, 1))
    for name, layout, vector in rows:
        yield f"{padded(name, names)}  {padded(layout, layouts)}  {vector}"


def shown_hints(hints: Sequence[Hint], under: BlockWeights | None = None) -> Iterator[str]:
    """A table of hints, aligned by the blocks' names, with their notes below; `under` puts them under one's weights.

    The columns are the blocks of one's weights, else of each hint's layout. A hint of another layout is shown by name,
    with a word on blocks that it has beyond these. BlockweightError for a hint that shares no block with the weights.
    """
    layouts = [under.layout] if under else list(dict.fromkeys(hint.weights.layout for hint in hints))
    for number, layout in enumerate(layouts):
        here = hints if under else [hint for hint in hints if hint.weights.layout == layout]
        own = [(under.name, _cells(under, layout))] if under else []
        if number:
            yield ""
        yield layout.name
        yield from weight_table(layout, [*own, *((hint.name, _shared(hint, layout)) for hint in here)])
    said: dict[str, list[str]] = {}
    for hint in hints:
        for remark in _remarks(hint, under):
            said.setdefault(remark, []).append(hint.name)
    if said:
        yield ""
    for remark, names in said.items():
        yield f"{', '.join(names)}: {remark}"


def _shared(hint: Hint, layout: Layout) -> dict[str, str]:
    cells = _cells(hint.weights, layout)
    if not cells:
        raise BlockweightError(
            f"The hint {quoted(hint.name, 40)} is of {hint.weights.layout.name}, which has no block in common with "
            f"{layout.name}; choose another hint."
        )
    return cells


def _cells(weights: BlockWeights, layout: Layout) -> dict[str, str]:
    """The weight of each of the layout's entries, where these weights have one."""
    known = {block: value for entry, value in weights.items() for block in weights.layout.stands_for(entry)}
    known.update((entry, value) for entry, value in weights.items() if entry in layout.blocks)
    found = ((entry, (entry, *layout.stands_for(entry))) for entry in layout.blocks)
    return {
        entry: format_weight(known[block])
        for entry, blocks in found
        for block in [next((block for block in blocks if block in known and block != REST), None)]
        if block is not None
    }


def _remarks(hint: Hint, under: BlockWeights | None) -> Iterator[str]:
    if under is not None and hint.weights.layout != under.layout:
        there = {block for entry in under.layout.blocks for block in (entry, *under.layout.stands_for(entry))}
        beyond = [entry for entry in hint.weights.layout.blocks
                  if there.isdisjoint((entry, *hint.weights.layout.stands_for(entry)))]  # fmt: skip
        if hint.weights.layout.family != under.layout.family:
            yield f"made for {hint.weights.layout.family}, whose blocks are other parts of the model"
        if beyond:
            yield f"also has {', '.join(beyond)}"
    if hint.note:
        yield " ".join(hint.note.split())
