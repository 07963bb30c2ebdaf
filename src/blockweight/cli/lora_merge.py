"""`blockweight lora merge`: LoRAs added up, and `lora conflicts`: how far they pull the same way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from blockweight.lora import MergeReport

Specs = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE[:STRENGTH[:WEIGHTS]]",
        help="LoRAs with their strengths and block weights, in any notation: a.safetensors "
        'b.safetensors:0.6:"Girl:1,0,0.5,…". The file ends at .safetensors, so its name may hold colons.',
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The new file.")]
Names = Annotated[str, typer.Option("--names", help="Names of layers: kohya or peft; by default the first LoRA's.")]
Precision = Annotated[
    str, typer.Option("--precision", help="Format of new numbers: keep (the LoRAs' own), fp16, bf16 or fp32.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")]


def merge(
    loras: Specs,
    out: Out,
    rank: Annotated[
        str,
        typer.Option(
            "--rank",
            help="Cut ranks by SVD: a number, auto (the largest of the LoRAs), energy, or a share of it such as "
            "energy:0.95. Without it nothing is cut, and ranks add up.",
        ),
    ] = "",
    fill: options.Fill = None,
    rest: options.Rest = None,
    names: Names = "",
    precision: Precision = "keep",
    overwrite: Overwrite = False,
) -> None:
    """Add LoRAs up into one file: strength × block weight × change of each, exactly, and verify it layer by layer."""
    from blockweight.workflow.lora_algebra import merge_files  # noqa: PLC0415 - keeps --help fast

    report, filled = merge_files(
        loras,
        out,
        TerminalProgress(),
        rank=rank,
        fill=fill,
        rest=rest,
        names=names,
        precision=precision,
        overwrite=overwrite,
    )
    typer.echo(f"Merged:   {report.out}")
    print_report(report, filled)


def print_report(report: MergeReport, filled: tuple[str, ...] = (), of: str = "the weighted sum") -> None:
    """What was made of the layers, and how well it was kept; `of` is what every change is compared with."""
    typer.echo(f"Family:   {report.family}")
    if filled:
        typer.echo(f"Filled:   {', '.join(filled)}")
    counts = ", ".join(
        f"{report.count(action)} {action}"
        for action in ("copied", "joined", "shrunk", "summed")
        if report.count(action)
    )
    typer.echo(f"Modules:  {counts}{f', {report.dropped} dropped' if report.dropped else ''}")
    low, high = report.ranks
    if high:
        typer.echo(f"Rank:     {high}" if low == high else f"Rank:     {low} to {high}")
    if report.unknown_keys:
        typer.echo(f"Unknown:  {len(report.unknown_keys)} tensors left out, e.g. {report.unknown_keys[0]}")
    for remark in report.remarks:
        typer.echo(f"Metadata: {remark}")
    if report.count("shrunk"):
        typer.echo(f"Cut off:  at most {report.max_lost:.2%} of a module's change (Frobenius), with its rank")
    if report.count("copied") == len(report.modules):
        typer.echo("Verified: every tensor is the same as in its source, byte by byte")
        return
    what = f"what its rank can hold of {of}" if report.count("shrunk") else of
    typer.echo(
        f"Verified: every module's change is {what}, to a relative error of {report.max_error:.1e} "
        f"(rounding may cause {report.max_limit:.1e})"
    )
