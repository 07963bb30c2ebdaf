"""`blockweight lora inspect`: what a LoRA file holds, and how strong each of its blocks is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options


def inspect(
    lora: options.LoraFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, modules included.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", parser=options.path, metavar="PATH", help="Also draw the blocks, into a .png file."),
    ] = None,
) -> None:
    """Show a LoRA's family, blocks, algorithms, ranks, strength per block, training settings, and what to beware of."""
    # Most matrices are small: with them the threads of numpy's BLAS wait for each other, at three times the CPU time.
    # The variable is read once, when numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from blockweight.workflow.inspection import inspect_file  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.inspection_text import inspection_lines  # noqa: PLC0415

    inspection = inspect_file(lora, plot)
    if as_json:
        typer.echo(json.dumps(inspection.as_json(), ensure_ascii=False, allow_nan=False))
        return
    typer.echo("\n".join(inspection_lines(inspection)))
    if plot is not None:
        typer.echo(f"\nwritten: {plot}")
