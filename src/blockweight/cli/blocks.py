"""`blockweight blocks`: which block a key belongs to, and which blocks every family has."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from blockweight.cli.standard_input import typed
from blockweight.errors import BlockweightError

if TYPE_CHECKING:
    from blockweight.blocks import Family, KeyMeaning

_COLUMNS = ("block", "family", "component", "role", "module", "key")


def blocks(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Tensor keys or module names of a LoRA; - reads them from standard input, one a line."),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            help="The family of the keys. By default it is detected from all of them together; if that cannot be told, "
            "each key gets the first family, in the order of --list, that has a block for it.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="Print the families with their layouts and blocks.")
    ] = False,
) -> None:
    """Say for each key its family, component, module, role and block.

    The block is REST when no block claims the module, and - (in JSON null) when the key is not understood. A module's
    name without a tensor suffix has no role.
    """
    from blockweight.blocks import FAMILIES, explain_keys, family_by_name  # noqa: PLC0415 - keeps --help fast

    chosen = None if family is None else family_by_name(family)
    if show_list:
        if keys:
            raise BlockweightError("--list takes no keys; leave out either the keys or --list.")
        lines = _listed_as_json if as_json else _listed
        typer.echo("\n".join(line for each in ((chosen,) if chosen else FAMILIES) for line in lines(each)))
        return
    names = [name for key in keys or () for name in ((key,) if key != "-" else _lines(typed(key)))]
    if not names:
        raise BlockweightError("No key was given; give tensor keys, - to read them from standard input, or --list.")
    meanings = list(explain_keys(names, chosen))
    if as_json:
        typer.echo("\n".join(json.dumps(asdict(meaning), ensure_ascii=False) for meaning in meanings))
    else:
        typer.echo("\n".join(_table(meanings)))
    if any(meaning.guessed for meaning in meanings):
        typer.echo("The family is not known: these blocks are a guess from the numbers in the names.", err=True)


def _lines(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text.splitlines()))


def _table(meanings: Sequence[KeyMeaning]) -> Iterator[str]:
    rows = [_COLUMNS, *(tuple(getattr(meaning, column) or "-" for column in _COLUMNS) for meaning in meanings)]
    shown = [["".join(letter if letter.isprintable() else "?" for letter in cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _listed(family: Family) -> Iterator[str]:
    yield f"{family.name}: {family.title}"
    for layout in (*family.layouts, *family.other_layouts):
        yield f"  {layout.name}, {len(layout)} blocks ({layout.models})"
        yield textwrap.fill(" ".join(layout.blocks), 110, initial_indent="    ", subsequent_indent="    ")


def _listed_as_json(family: Family) -> Iterator[str]:
    for layout in (*family.layouts, *family.other_layouts):
        facts = {"title": family.title, "layout": layout.name, "models": layout.models, "length": len(layout)}
        yield json.dumps({"family": family.name, **facts, "blocks": layout.blocks}, ensure_ascii=False)
    if not family.layouts:
        yield json.dumps({"family": family.name, "title": family.title, "layout": None})
