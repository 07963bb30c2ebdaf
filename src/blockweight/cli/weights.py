"""`blockweight weights …`: block weights in every notation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.standard_input import typed

app = typer.Typer(
    help="Read, convert, compare and mix block weights, in the notation of any tool.", no_args_is_help=True
)

Text = Annotated[
    str,
    typer.Argument(
        help="The weights: NAME:1,0,0.5,… or the numbers alone, a <lora:…> tag, a preset's name, JSON, TOML, a table's "
        "row, or - to read them from standard input.",
    ),
]
Layout = Annotated[str | None, typer.Option("--from", help="Their layout, by name or length; by default by length.")]
FamilyName = Annotated[str | None, typer.Option("--family", help="Their family, where several have this length.")]
Lora = Annotated[Path | None, typer.Option("--lora", help="The LoRA file that they are for.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Draw random weights (R, U) with this seed.")]
Base = Annotated[float, typer.Option("--x", callback=options.finite, help="What X stands for.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("convert")
def convert(
    weights: Text,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="A layout by length or name (blockweight blocks --list), tag, inspire, diffusers, sd-scripts, toml, "
            "json, markdown, csv or tsv.",
        ),
    ],
    layout: Layout = None,
    family: FamilyName = None,
    lora: Lora = None,
    fill: options.Fill = None,
    seed: Seed = None,
    base: Base = 1.0,
    book: options.Book = None,
    as_json: Json = False,
) -> None:
    """Convert weights to another layout, block by block, or to another notation."""
    from blockweight.workflow.conversions import Source, convert_text  # noqa: PLC0415 - keeps --help fast

    conversion = convert_text(typed(weights), to, Source(layout, family, lora, fill, seed, base, book))
    if as_json:
        _print_json(conversion.facts())
        return
    typer.echo(conversion.text)
    for what, blocks in (("Filled", conversion.converted.filled), ("Dropped", conversion.converted.dropped)):
        if blocks:
            typer.echo(f"{what}: {', '.join(blocks)}", err=True)
    _print_hints(conversion.hints)


@app.command("show")
def show(
    weights: Text,
    layout: Layout = None,
    family: FamilyName = None,
    lora: Lora = None,
    fill: options.Fill = None,
    seed: Seed = None,
    base: Base = 1.0,
    book: options.Book = None,
    as_json: Json = False,
) -> None:
    """Show each block's weight by its name, in whatever notation the weights are."""
    from blockweight.workflow.conversions import Source, show_text  # noqa: PLC0415 - keeps --help fast

    shown = show_text(typed(weights), Source(layout, family, lora, fill, seed, base, book))
    if as_json:
        _print_json(shown.facts)
        return
    typer.echo("\n".join(shown.lines))
    _print_hints(shown.hints)


@app.command("diff")
def diff(
    first: Text,
    second: Text,
    layout: Layout = None,
    family: FamilyName = None,
    fill: options.Fill = None,
    book: options.Book = None,
    as_json: Json = False,
) -> None:
    """Show the blocks whose weights differ."""
    from blockweight.workflow.conversions import Source  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.mixing import diff_texts  # noqa: PLC0415 - keeps --help fast

    found = diff_texts(typed(first), typed(second), Source(layout, family, fill=fill, book=book))
    if as_json:
        _print_json(found.facts())
    else:
        typer.echo("\n".join(found.lines()))
    _print_hints(found.hints)


@app.command("interpolate")
def interpolate(
    first: Text,
    second: Text,
    at: Annotated[
        list[float] | None, typer.Option("--at", help="A place between them: 0 is the first, 1 the second. Repeatable.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="This many equal steps, both ends included.")] = None,
    layout: Layout = None,
    family: FamilyName = None,
    fill: options.Fill = None,
    book: options.Book = None,
    as_json: Json = False,
) -> None:
    """Print weights between two, as lines for a preset book."""
    from blockweight.workflow.conversions import Source  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.mixing import interpolate_texts  # noqa: PLC0415 - keeps --help fast

    source = Source(layout, family, fill=fill, book=book)
    made = interpolate_texts(typed(first), typed(second), source, at=at or (), steps=steps)
    if as_json:
        _print_json(made.facts())
    else:
        typer.echo("\n".join(made.lines()))
    _print_hints(made.hints)


@app.command("average")
def average(
    weights: Annotated[list[str], typer.Argument(help="Two or more weights, in any notation.")],
    shares: Annotated[str, typer.Option("--shares", help="How much each counts, e.g. 2,1,1; by default alike.")] = "",
    name: Annotated[str, typer.Option("--name", help="What to call the average.")] = "Average",
    layout: Layout = None,
    family: FamilyName = None,
    fill: options.Fill = None,
    book: options.Book = None,
    as_json: Json = False,
) -> None:
    """Print the average of several weights."""
    from blockweight.workflow.conversions import Source  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.mixing import average_texts  # noqa: PLC0415 - keeps --help fast

    source = Source(layout, family, fill=fill, book=book)
    made = average_texts([typed(each) for each in weights], source, shares=shares, name=name)
    if as_json:
        _print_json(made.facts())
    else:
        typer.echo("\n".join(made.lines()))
    _print_hints(made.hints)


def _print_json(facts: object) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False))


def _print_hints(hints: tuple[str, ...]) -> None:
    for hint in hints:
        typer.echo(hint, err=True)
