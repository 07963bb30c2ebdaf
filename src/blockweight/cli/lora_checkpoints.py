"""`blockweight lora to-checkpoint|extract`: LoRAs into checkpoints, and out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.lora_merge import Out, Overwrite, Specs
from blockweight.cli.progress import TerminalProgress


def to_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A single-file checkpoint of SD1, SD2 or SDXL, .safetensors.")],
    loras: Specs,
    out: Out,
    fill: options.Fill = None,
    rest: options.Rest = None,
    overwrite: Overwrite = False,
) -> None:
    """Merge LoRAs with their strengths and block weights into a checkpoint, and verify every changed tensor."""
    from blockweight.workflow.lora_checkpoints import merge_checkpoint_file  # noqa: PLC0415 - keeps --help fast

    report, filled = merge_checkpoint_file(
        checkpoint, loras, out, TerminalProgress(), fill=fill, rest=rest, overwrite=overwrite
    )
    typer.echo(f"Merged:   {report.out}")
    typer.echo(f"Family:   {report.family}")
    if filled:
        typer.echo(f"Filled:   {', '.join(filled)}")
    dropped = f"; {report.dropped} layers have the weight 0" if report.dropped else ""
    typer.echo(f"Tensors:  {report.changed} changed, {report.copied} copied as they are{dropped}")
    typer.echo("Verified: every changed number is the nearest to checkpoint + change that its format has")
    typer.echo(
        f"Rounding: the checkpoint's format takes {report.error:.1e} of all changes together (it may take "
        f"{report.limit:.1e}), and of a single tensor's at most {report.worst:.1e}"
    )


def extract(
    tuned: Annotated[Path, typer.Argument(help="The checkpoint that has what the LoRA shall hold.")],
    base: Annotated[Path, typer.Argument(help="The checkpoint that it was made from.")],
    out: Out,
    rank: Annotated[
        str, typer.Option("--rank", help="Rank of linear layers: a number, energy, or a share of it: energy:0.95.")
    ] = "64",
    conv_rank: Annotated[
        str, typer.Option("--conv-rank", help="Rank of 3x3 convolutions, likewise; by default they are left out.")
    ] = "",
    precision: Annotated[str, typer.Option("--precision", help="Format of the LoRA: fp16, bf16 or fp32.")] = "fp16",
    overwrite: Overwrite = False,
) -> None:
    """Write the difference of two SD1, SD2 or SDXL checkpoints as a LoRA, each layer as well as its rank allows."""
    from blockweight.workflow.lora_checkpoints import extract_file  # noqa: PLC0415 - keeps --help fast

    report = extract_file(
        tuned,
        base,
        out,
        TerminalProgress(),
        rank=rank,
        conv_rank=conv_rank,
        precision=precision,
        overwrite=overwrite,
    )
    ranks = sorted(layer.rank for layer in report.layers)
    worst = min(report.layers, key=lambda layer: layer.kept)
    typer.echo(f"Extracted: {report.out}")
    typer.echo(f"Family:    {report.family}")
    typer.echo(f"Layers:    {len(report.layers)}{f', and {report.same} that do not differ' if report.same else ''}")
    typer.echo(f"Rank:      {ranks[0]}" if ranks[0] == ranks[-1] else f"Rank:      {ranks[0]} to {ranks[-1]}")
    typer.echo(f"Kept:      {report.kept:.2%} of these layers' difference (squares); least, {worst.kept:.2%}, of")
    typer.echo(f"           {worst.name} (block {worst.block})")
    if report.left_out:
        typer.echo(
            f"Left out:  {len(report.left_out)} tensors that differ, {report.left_out_share:.2%} of all (squares), "
            f"e.g. {report.left_out[0]}"
        )
    typer.echo("Verified:  every layer of the file is the difference's projection, within rounding")
