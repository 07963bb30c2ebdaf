"""`blockweight transfer`: does what a project's weights gain hold in other seeds, prompts and checkpoints?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer


@with_renderer
def transfer(
    weights: Annotated[str, typer.Option("--weights", help="In any notation; the project's by default.")] = "",
    seeds: Annotated[str, typer.Option("--seeds", help="Other seeds for the project's prompts, e.g. 11-14.")] = "",
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", parser=options.path, metavar="FILE", help="Other prompts, one a line."),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option("--model", parser=options.path, metavar="PATH", help="Another checkpoint. Repeatable."),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            metavar="[GROUP=]FILE",
            help="Where the LoRA should work: in home, seeds, prompts or models, or in all. Repeatable.",
        ),
    ] = None,
    home_mask: Annotated[
        bool, typer.Option("--home-mask", help="Take home's mask for the others too: the figure stands in one place.")
    ] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost; begin nothing.")] = False,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Render the same weights elsewhere, and say in one table where their gain holds; the same again goes on."""
    from blockweight.workflow import transfer_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.transfer import TransferAsked  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    asked = TransferAsked(
        weights=weights,
        seeds=seeds,
        prompts=prompts,
        models=tuple(models or ()),
        masks=transfer_steps.parse_masks(mask or ()),
        home_mask=home_mask,
    )
    with open_project(project) as tuning:
        if estimate:
            told = transfer_steps.estimate(tuning, asked)
        else:
            told = transfer_steps.run(tuning, asked, command_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=as_json)
