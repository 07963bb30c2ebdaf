"""`blockweight weights …`: block weights in every notation."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from blockweight.cli import scene_options as options

app = typer.Typer(help="Read and convert block weights.", no_args_is_help=True)

Text = Annotated[str, typer.Argument(help='The weights, "NAME:1,0,0.5,…" or the numbers alone.')]
Source = Annotated[str | None, typer.Option("--from", help="Their layout, by name or length; by default by length.")]
FamilyName = Annotated[str | None, typer.Option("--family", help="Their family, where several have this length.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _group() -> None:
    """Read and convert block weights."""


@app.command("convert")
def convert(
    weights: Text,
    to: Annotated[
        str, typer.Option("--to", help="A layout by length or name (blockweight blocks --list), tag, or sd-scripts.")
    ],
    source: Source = None,
    family: FamilyName = None,
    fill: options.Fill = None,
    as_json: Json = False,
) -> None:
    """Convert weights to another layout, block by block, or to another notation."""
    from blockweight.workflow.conversions import convert_text  # noqa: PLC0415 - keeps --help fast

    conversion = convert_text(weights, to, layout=source, family=family, fill=fill)
    if as_json:
        typer.echo(json.dumps(conversion.facts(), ensure_ascii=False))
        return
    typer.echo(conversion.text)
    for what, blocks in (("Filled", conversion.converted.filled), ("Dropped", conversion.converted.dropped)):
        if blocks:
            typer.echo(f"{what}: {', '.join(blocks)}", err=True)


@app.command("show")
def show(weights: Text, source: Source = None, family: FamilyName = None, as_json: Json = False) -> None:
    """Show each block's weight by its name."""
    from blockweight.workflow.conversions import convert_text, read_weights  # noqa: PLC0415 - keeps --help fast

    read = read_weights(weights, source, family)
    if as_json:
        same = convert_text(weights, read.layout.name, layout=source, family=family)
        typer.echo(json.dumps(same.facts(), ensure_ascii=False))
        return
    typer.echo(f"{read.name} ({read.layout.name})")
    width = max(map(len, read.layout.blocks))
    for (block, _), number in zip(read.items(), read.vector().split(","), strict=True):
        typer.echo(f"{block:<{width}}  {number}")
