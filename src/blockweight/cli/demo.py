"""`blockweight demo`: the tutorial on the embedded model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.progress import TerminalProgress
from blockweight.workflow.renderers import local_renderer


def demo(
    out: Annotated[
        Path,
        typer.Option(parser=options.path, metavar="PATH", help="Folder for the project, the pictures and the report."),
    ] = Path("blockweight-demo"),
) -> None:
    """Run the whole tutorial on the embedded model and write report.html.

    Run it again to go on after a stop: finished pictures are not rendered twice.
    """
    from blockweight.workflow.tutorial import run_tutorial  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tutorial_report import write_tutorial_report  # noqa: PLC0415

    progress = TerminalProgress()
    progress.say("Loading the embedded model …")
    tutorial = run_tutorial(out, local_renderer(), progress)
    report = write_tutorial_report(tutorial)
    outcome = tutorial.outcome
    typer.echo(f"Weights:        {tutorial.tuned.text()}")
    typer.echo(f"Bleed removed:  {outcome.bleed_removed:.0%} of the green that the LoRA brings into the clothes")
    typer.echo(f"Face kept:      {outcome.face_kept:.0%} of the green that it brings into her face")
    typer.echo(
        f"Look kept:      {outcome.look_kept:.0%} of all that it changes in her face, ears, hair, horns and choker"
    )
    typer.echo(f"Live and baked: differ by {tutorial.live_difference} of 255 levels at most")
    typer.echo(f"Baked file:     {tutorial.baked.out}")
    typer.echo(f"Report:         {report}")
