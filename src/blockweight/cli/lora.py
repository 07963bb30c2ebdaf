"""`blockweight lora …`: work on LoRA files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import bake_options, lora_checkpoints, lora_inspect, lora_merge, lora_metadata, lora_parts
from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.errors import BlockweightError

app = typer.Typer(help="Work on LoRA files.", no_args_is_help=True)
app.add_typer(lora_metadata.app, name="metadata")


@app.callback()
def _group() -> None:
    """Work on LoRA files."""


app.command("inspect")(lora_inspect.inspect)


@app.command("bake")
def bake(
    lora: options.LoraFile,
    weights: Annotated[str, typer.Option("--weights", help='Block weights, "NAME:1,0,0.5,…" or any notation.')],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            parser=options.path,
            metavar="PATH",
            help="The new file; by default LORA_STRENGTH_NAME.safetensors beside the LoRA.",
        ),
    ] = None,
    fill: options.Fill = None,
    rest: options.Rest = None,
    strength: bake_options.Strength = 1.0,
    te: bake_options.TextEncoder = None,
    elemental: bake_options.Elemental = "",
    zeros: bake_options.Zeros = "drop",
    via: bake_options.Via = "factor",
    precision: bake_options.Precision = "keep",
    book: options.Book = None,
    overwrite: bake_options.Overwrite = False,
    estimate: bake_options.EstimateOnly = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the block weights into a new LoRA file, and verify it module by module."""
    from blockweight.workflow import baking  # noqa: PLC0415 - keeps --help fast

    recipe = baking.Recipe(strength=strength, te=te, zeros=zeros, via=via, precision=precision)
    typed = baking.Typed(weights, fill, rest, elemental, book)
    if estimate:
        found = baking.estimate_text(lora, typed, recipe)
        lines = [json.dumps(found.facts(), ensure_ascii=False)] if as_json else baking.estimate_lines(found)
        typer.echo("\n".join(lines))
        return
    try:
        report, filled = baking.bake_text(lora, typed, out, recipe, overwrite=overwrite)
    except BlockweightError as error:
        if as_json:
            typer.echo(json.dumps(baking.refused_facts(error, lora, typed, recipe), ensure_ascii=False))
        raise
    print_told({**report.facts(), "filled": list(filled)}, baking.report_lines(report, filled), as_json=as_json)
    if via == "alpha":
        typer.echo(baking.ALPHA_READERS, err=True)


@app.command("unbake")
def unbake(
    baked: Annotated[Path, typer.Argument(parser=options.path, metavar="BAKED", help="A file that bake has made.")],
    original: Annotated[
        Path | None,
        typer.Option("--original", parser=options.path, metavar="PATH", help="The file that it was baked from."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            parser=options.path,
            metavar="PATH",
            help="The new file; by default BAKED_unbaked.safetensors beside it.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take a bake back: by reckoning, kept only if it is the original bit by bit, or from the original file."""
    from blockweight.workflow.baking import unbake_file  # noqa: PLC0415 - keeps --help fast

    report = unbake_file(baked, out, original, overwrite=overwrite)
    if as_json:
        facts = {"output": str(report.out), "source": report.provenance.source, "by": report.by, "exact": True}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    typer.echo(f"Unbaked: {report.out}")
    typer.echo(f"Source:  {report.provenance.source}, bit by bit (by the {report.by})")


app.command("merge")(lora_merge.merge)
app.command("conflicts")(lora_parts.conflicts)
app.command("split")(lora_parts.split)
app.command("resize")(lora_parts.resize)
app.command("convert")(lora_parts.convert)
app.command("to-checkpoint")(lora_checkpoints.to_checkpoint)
app.command("extract")(lora_checkpoints.extract)
