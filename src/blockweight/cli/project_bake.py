"""`blockweight tune bake` and `tune bakes`: a project's LoRA with its weights baked in, and what was baked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import bake_options
from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.project_options import Json, Project


def bake(
    weights: Annotated[
        str, typer.Option("--weights", help="Block weights in any notation; by default the project's.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            parser=options.path,
            metavar="PATH",
            help="The new file; by default LORA_STRENGTH_NAME.safetensors in the project's folder.",
        ),
    ] = None,
    fill: options.Fill = None,
    rest: options.Rest = None,
    strength: Annotated[
        float | None,
        typer.Option("--strength", callback=options.finite, help="Multiplies every weight; by default the project's."),
    ] = None,
    te: bake_options.TextEncoder = None,
    elemental: bake_options.Elemental = "",
    zeros: bake_options.Zeros = "drop",
    via: bake_options.Via = "factor",
    precision: bake_options.Precision = "keep",
    book: options.Book = None,
    overwrite: bake_options.Overwrite = False,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Bake the project's LoRA with its current weights, verified, and keep the report in the project."""
    from blockweight.workflow import baking, project_bake  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        typed = baking.Typed(weights, fill, rest, elemental, book)
        typed, usual = project_bake.with_defaults(tuning.state(), typed, strength)
        recipe = baking.Recipe(strength=usual, te=te, zeros=zeros, via=via, precision=precision)
        report, filled, made = project_bake.bake_project(tuning, typed, recipe, out, overwrite=overwrite)
    facts = {**report.facts(), "filled": list(filled), "number": made.number}
    print_told(facts, baking.report_lines(report, filled), as_json=as_json)
    if via == "alpha":
        typer.echo(baking.ALPHA_READERS, err=True)


def bakes(project: Project = options.DEFAULT_OUT, as_json: Json = False) -> None:
    """List what was baked in the project, the latest first."""
    from blockweight.workflow import project_bake  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        state = tuning.state()
    print_told(project_bake.bake_rows(state), project_bake.bake_lines(state), as_json=as_json)
