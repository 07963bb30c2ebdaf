"""`blockweight presets …`: preset books, the files of named block weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(help="Read and write preset books, files with a NAME:1,0,0.5,… in each line.", no_args_is_help=True)

Book = Annotated[Path, typer.Argument(metavar="FILE", help="The book, e.g. lbwpresets.txt.")]
Name = Annotated[str, typer.Argument(help="The preset's name, letter for letter.")]
For = Annotated[
    Literal["lbw", "inspire"],
    typer.Option("--for", help="The program that reads it: LoRA Block Weight, or the Inspire Pack for ComfyUI."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write a new file instead of changing the book.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")]


@app.command("check")
def check(
    file: Book,
    reader: For = "lbw",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Say of every line what it is, and why it is skipped or would fail. The exit code is 1 if any is or would."""
    from blockweight.workflow.preset_books import (  # noqa: PLC0415 - keeps --help fast
        checked_lines,
        entry_facts,
        is_sound,
        read_book,
    )

    book = read_book(file, reader)
    if as_json:
        for entry in book.entries:
            typer.echo(json.dumps(entry_facts(entry), ensure_ascii=False))
    else:
        for line in checked_lines(book):
            typer.echo(line)
    if not is_sound(book):
        raise typer.Exit(1)


@app.command("show")
def show(file: Book, name: Name, reader: For = "lbw") -> None:
    """Show a preset: its line, and its weights by block."""
    from blockweight.workflow.preset_books import read_book, shown_preset  # noqa: PLC0415 - keeps --help fast

    for line in shown_preset(read_book(file, reader), name):
        typer.echo(line)


@app.command("defaults")
def defaults(
    layout: Annotated[str, typer.Option("--layout", help="By length or name (blockweight blocks --list).")] = "17",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write them as a new book.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Print the default presets of LoRA Block Weight for a layout, as lines of a book."""
    from blockweight.workflow.preset_books import default_lines, write_defaults  # noqa: PLC0415 - keeps --help fast

    if out is None:
        typer.echo("\n".join(default_lines(layout)))
    else:
        write_defaults(layout, out, overwrite=overwrite)
        typer.echo(f"written: {out}")


@app.command("set")
def set_preset(
    file: Book,
    preset: Annotated[str, typer.Argument(help='The preset, "NAME:1,0,0.5,…".')],
    reader: For = "lbw",
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Change a preset in its line, or add it as a new last line."""
    from blockweight.workflow.preset_books import change_book  # noqa: PLC0415 - keeps --help fast

    written = change_book(file, lambda book: book.with_preset(preset), reader, out, overwrite=overwrite)
    typer.echo(f"written: {written}")


@app.command("remove")
def remove(file: Book, name: Name, reader: For = "lbw", out: Out = None, overwrite: Overwrite = False) -> None:
    """Remove a preset, and earlier lines of its name."""
    from blockweight.workflow.preset_books import change_book  # noqa: PLC0415 - keeps --help fast

    written = change_book(file, lambda book: book.without(name), reader, out, overwrite=overwrite)
    typer.echo(f"written: {written}")


@app.command("rename")
def rename(
    file: Book,
    name: Name,
    new: Annotated[str, typer.Argument(help="Its new name.")],
    reader: For = "lbw",
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Give a preset another name."""
    from blockweight.workflow.preset_books import change_book  # noqa: PLC0415 - keeps --help fast

    written = change_book(file, lambda book: book.renamed(name, new), reader, out, overwrite=overwrite)
    typer.echo(f"written: {written}")


@app.command("move")
def move(
    file: Book,
    name: Name,
    before: Annotated[str | None, typer.Option("--before", help="The preset to stand before; else the end.")] = None,
    reader: For = "lbw",
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Move a preset before another one, or to the book's end."""
    from blockweight.workflow.preset_books import change_book  # noqa: PLC0415 - keeps --help fast

    written = change_book(file, lambda book: book.moved(name, before), reader, out, overwrite=overwrite)
    typer.echo(f"written: {written}")


@app.command("merge")
def merge(
    first: Annotated[Path, typer.Argument(help="The book that comes first.")],
    second: Annotated[Path, typer.Argument(help="The book whose other presets follow.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new book.")],
    prefer: Annotated[
        Literal["first", "second"], typer.Option("--prefer", help="Whose weights a name that both have gets.")
    ] = "first",
    reader: For = "lbw",
    overwrite: Overwrite = False,
) -> None:
    """Merge two books into a new one; a name that both have stays where the first has it."""
    from blockweight.workflow.preset_books import merge_files  # noqa: PLC0415 - keeps --help fast

    merged = merge_files(first, second, out, prefer, reader, overwrite=overwrite)
    for what, names in (("Added", merged.added), ("Equal", merged.equal), (f"From the {prefer}", merged.differing)):
        if names:
            typer.echo(f"{what}: {', '.join(names)}")
    typer.echo(f"written: {out}")
