"""`blockweight hints …`: block weights kept for reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(help="Keep block weights for reference and show them under one's own.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The hint's name, letter for letter.")]
Text = Annotated[str, typer.Argument(metavar="WEIGHTS", help='The hint, "NAME:1,0,0.5,…".')]
LayoutName = Annotated[str | None, typer.Option("--layout", help="Its layout, where several have its length.")]
For = Annotated[Literal["lbw", "inspire"], typer.Option("--for", help="The program that a preset book is for.")]
Before = Annotated[str | None, typer.Option("--before", help="The hint to stand before; else the end.")]


@app.command("list")
def list_hints(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False) -> None:
    """List the hints with their layouts and numbers."""
    from blockweight.workflow.hint_table import hint_facts, listed_hints, load_hints  # noqa: PLC0415 - keeps --help fast

    table = load_hints()
    if as_json:
        for hint in table.hints:
            typer.echo(json.dumps(hint_facts(hint), ensure_ascii=False))
    else:
        typer.echo("\n".join(listed_hints(table)) or "There are no hints; 'hints reset' brings back the shipped ones.")


@app.command("show")
def show(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Hints to show; else all.")] = None,
    under: Annotated[
        str | None, typer.Option("--under", help='Your weights, "NAME:1,0,0.5,…" or any other notation.')
    ] = None,
    layout: Annotated[str | None, typer.Option("--layout", help="The layout of your weights.")] = None,
) -> None:
    """Show hints block by block, under your own weights if you give them."""
    from blockweight.workflow.hint_table import load_hints, own_weights, shown_hints  # noqa: PLC0415 - keeps --help fast

    table = load_hints()
    hints = [table.find(name) for name in names] if names else table.hints
    own = None if under is None else own_weights(under, layout)
    typer.echo("\n".join(shown_hints(hints, own)) or "There are no hints; 'hints reset' brings back the shipped ones.")


@app.command("add")
def add(
    hint: Text,
    note: Annotated[str, typer.Option("--note", help="What it is, or where it comes from.")] = "",
    before: Before = None,
    layout: LayoutName = None,
) -> None:
    """Add a hint, at the end or before another one."""
    from blockweight.workflow.hint_table import change_hints, hint_of  # noqa: PLC0415 - keeps --help fast

    new = hint_of(hint, note, layout)
    change_hints(lambda table: table.added(new, before))
    _say(f"Added: {new.name}")


@app.command("set")
def set_hint(
    hint: Text,
    note: Annotated[str | None, typer.Option("--note", help="A new note; else the old one stays.")] = None,
    layout: LayoutName = None,
) -> None:
    """Change the weights of the hint of this name."""
    from blockweight.workflow.hint_table import change_hints, changed_hint  # noqa: PLC0415 - keeps --help fast

    change_hints(lambda table: changed_hint(table, hint, note, layout))
    _say("Changed.")


@app.command("rename")
def rename(name: Name, new: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Give a hint another name."""
    from blockweight.workflow.hint_table import change_hints  # noqa: PLC0415 - keeps --help fast

    change_hints(lambda table: table.renamed(name, new))
    _say(f"Renamed: {new}")


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a hint; a shipped one too stays removed until 'hints reset'."""
    from blockweight.workflow.hint_table import change_hints  # noqa: PLC0415 - keeps --help fast

    change_hints(lambda table: table.removed(name))
    _say(f"Removed: {name}")


@app.command("move")
def move(name: Name, before: Before = None) -> None:
    """Move a hint before another one, or to the end."""
    from blockweight.workflow.hint_table import change_hints  # noqa: PLC0415 - keeps --help fast

    change_hints(lambda table: table.moved(name, before))
    _say(f"Moved: {name}")


@app.command("reset")
def reset(
    name: Annotated[str | None, typer.Argument(help="One shipped hint; else all of them.")] = None,
) -> None:
    """Bring back shipped hints as they were. Your own stay."""
    from blockweight.workflow.hint_table import reset_hints  # noqa: PLC0415 - keeps --help fast

    reset_hints(name)
    _say("Reset.")


@app.command("import")
def import_hints(
    file: Annotated[Path, typer.Argument(help="TOML (.toml), rows of the sheet (.csv, .tsv), or a preset book.")],
    layout: LayoutName = None,
    reader: For = "lbw",
) -> None:
    """Take hints from a file: a known name gets the file's weights where it stands, new ones follow."""
    from blockweight.workflow.hint_table import change_hints, read_hints  # noqa: PLC0415 - keeps --help fast

    hints, left_out = read_hints(file, layout, reader)
    change_hints(lambda table: table.merged(hints))
    for sentence in left_out:
        typer.echo(sentence, err=True)
    _say(f"Imported: {len(hints)}")


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="TOML (.toml), rows of the sheet (.csv, .tsv), or a preset book.")],
    reader: For = "lbw",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Write all hints to a file."""
    from blockweight.workflow.hint_table import export_hints  # noqa: PLC0415 - keeps --help fast

    count = export_hints(file, reader, overwrite=overwrite)
    typer.echo(f"written: {file} ({count} hints)")


def _say(text: str) -> None:
    from blockweight.workflow.hint_table import hints_file  # noqa: PLC0415 - keeps --help fast

    typer.echo(text)
    typer.echo(f"written: {hints_file()}")
