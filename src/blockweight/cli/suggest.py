"""`blockweight suggest …`: weights and learning rates worked out from what was measured."""

from __future__ import annotations

from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Id, Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer

app = typer.Typer(
    help="Suggest block weights, or learning rates, from what a project's analysis measured.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    pass


# A negative number is a limit, not an option.
@app.command("weights", context_settings={"ignore_unknown_options": True})
@with_renderer
def weights(
    keep: Annotated[
        str | None, typer.Option("--keep", help="Keep so much of what the LoRA does inside the mask; 90% by default.")
    ] = None,
    change: Annotated[
        float | None, typer.Option("--change", callback=options.finite, help="Or change at most so many levels there.")
    ] = None,
    limit: Annotated[float, typer.Option("--limit", callback=options.finite, help="Lower no block further.")] = 0.0,
    step: Annotated[float, typer.Option("--step", callback=options.finite, help="Between weights.")] = 0.05,
    render: Annotated[bool, typer.Option("--render", help="Render the suggestion and compare.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Set the project's weights to it.")] = False,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Lower each block as far as what the LoRA does inside the mask allows; show the pictures before rendering."""
    from blockweight.workflow import suggest_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    budget = suggest_steps.budget_of(keep, change)
    with open_project(project) as tuning:
        told = suggest_steps.suggest(
            tuning,
            budget,
            command_renderer,
            TerminalProgress(),
            limit=limit,
            step=step,
            render=render,
            apply=apply,
            event_id=event,
        )
    print_told(told.facts, told.lines, as_json=as_json)


@app.command("block-lr")
def block_lr(
    levels: Annotated[
        str, typer.Option("--levels", help="For blocks to keep, unsettled ones and those to drop: 876, or 1/0.5/0.")
    ] = "1/0.5/0",
    network_dim: Annotated[int, typer.Option("--network-dim", min=1, max=4096, help="The rank at 1.")] = 8,
    network_alpha: Annotated[float, typer.Option("--network-alpha", help="Its alpha.")] = 8,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Learning rates and ranks for a training, by what the latest analysis suggests of each block."""
    from blockweight.workflow.suggest_rates import suggest_rates  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        found = suggest_rates(tuning, levels, network_dim, network_alpha)
    print_told(found.facts(), found.lines(), as_json=as_json)
