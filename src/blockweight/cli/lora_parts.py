"""`blockweight lora conflicts|split|resize|convert`: LoRAs compared, taken apart, and brought into other forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.lora_merge import Out, Overwrite, Precision, print_report
from blockweight.cli.progress import TerminalProgress

Lora = Annotated[Path, typer.Argument(help="The LoRA, a .safetensors file.")]
Spec = Annotated[str, typer.Argument(metavar="FILE[:STRENGTH[:WEIGHTS]]", help="A LoRA as in 'lora merge'.")]


def conflicts(
    first: Spec,
    second: Spec,
    fill: options.Fill = None,
    rest: options.Rest = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the cosines to this .png or .svg, replacing it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show block by block how far two LoRAs pull the same way: the cosine of their changes, and their sizes."""
    from blockweight.workflow.lora_conflicts import compare_files  # noqa: PLC0415 - keeps --help fast

    found = compare_files(first, second, TerminalProgress(), fill=fill, rest=rest, plot=plot)
    if as_json:
        typer.echo(json.dumps(found.facts(), ensure_ascii=False))
        return
    typer.echo("\n".join(found.lines()))
    if found.filled:
        typer.echo(f"Filled: {', '.join(found.filled)}")
    if plot is not None:
        typer.echo(f"written: {plot}")


def split(
    lora: Lora,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the files; made if it is not there.")],
    blocks: Annotated[str, typer.Option("--blocks", help="Blocks to write, e.g. IN01-IN08,REST; all by default.")] = "",
    overwrite: Overwrite = False,
) -> None:
    """Write each block to a file of its own, byte by byte: together they are the original."""
    from blockweight.workflow.lora_algebra import split_file  # noqa: PLC0415 - keeps --help fast

    files = split_file(lora, out, TerminalProgress(), blocks=blocks, overwrite=overwrite)
    for file in files:
        modules = "module " if file.modules == 1 else "modules"
        typer.echo(f"{file.block:<6} {file.modules:>4} {modules}  {file.path}")
    typer.echo(f"Verified: {sum(file.tensors for file in files)} tensors are the original's, byte by byte")


def resize(
    lora: Lora,
    out: Out,
    rank: Annotated[
        str, typer.Option("--rank", help="The rank of all blocks: a number, energy, or a share of it: energy:0.95.")
    ] = "",
    ranks: Annotated[
        str,
        typer.Option(
            "--ranks", help="Ranks of single blocks, IN04=8,OUT03-OUT05=energy:0.9,REST=4; others keep theirs."
        ),
    ] = "",
    precision: Precision = "keep",
    overwrite: Overwrite = False,
) -> None:
    """Cut a LoRA's ranks, each layer to the best approximation that there is."""
    from blockweight.workflow.lora_algebra import resize_file  # noqa: PLC0415 - keeps --help fast

    report = resize_file(
        lora, out, TerminalProgress(), rank=rank, ranks=ranks, precision=precision, overwrite=overwrite
    )
    typer.echo(f"Resized:  {report.out}")
    print_report(report, of="the original's")


def convert(
    lora: Lora,
    to: Annotated[str, typer.Option("--to", help="The names to give: kohya (lora_unet_…) or peft (unet.….lora_A).")],
    out: Out,
    precision: Annotated[
        str,
        typer.Option("--precision", help="exact: fp32 where 16 bits would lose a digit; keep: the file's own format."),
    ] = "exact",
    overwrite: Overwrite = False,
) -> None:
    """Give a LoRA's layers the names of the other dialect, with alphas that loaders of that dialect read right."""
    from blockweight.workflow.lora_algebra import convert_file  # noqa: PLC0415 - keeps --help fast

    report = convert_file(lora, out, to, TerminalProgress(), precision=precision, overwrite=overwrite)
    typer.echo(f"Converted: {report.out}")
    typer.echo(f"Names:     {report.dialect}")
    scaled = f", {report.scaled} with alpha / rank taken into or out of the up factor" if report.scaled else ""
    typer.echo(f"Modules:   {report.modules}{scaled}")
    if report.widened:
        typer.echo(
            f"Format:    {report.widened} of these in another format, so that no digit is lost (or --precision keep)"
        )
    exact = "to the last bit" if report.error == 0 else f"to a relative error of {report.error:.1e} in any number"
    typer.echo(f"Verified:  every module's change is the original's, {exact}")
