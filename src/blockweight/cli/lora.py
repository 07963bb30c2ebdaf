"""`blockweight lora …`: work on LoRA files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options

app = typer.Typer(help="Work on LoRA files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Work on LoRA files."""


@app.command("bake")
def bake(
    lora: Annotated[Path, typer.Argument(help="The LoRA, a .safetensors file.")],
    weights: Annotated[str, typer.Option("--weights", help='Block weights, "NAME:1,0,0.5,…" or any notation.')],
    out: Annotated[Path | None, typer.Option("--out", help="The new file; beside the LoRA by default.")] = None,
    fill: options.Fill = None,
    rest: options.Rest = None,
    strength: Annotated[
        float, typer.Option("--strength", callback=options.finite, help="Multiplies every block weight.")
    ] = 1.0,
    elemental: Annotated[
        str,
        typer.Option(
            "--elemental", help="Weights for kinds of modules, which replace their block's: IN05-OUT05:attn:0,…"
        ),
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")] = False,
) -> None:
    """Write the block weights into a new LoRA file, and verify it module by module."""
    from blockweight.workflow.baking import bake_text  # noqa: PLC0415 - keeps --help fast

    report, filled = bake_text(
        lora,
        weights,
        out,
        fill=fill,
        rest=rest,
        strength=strength,
        overwrite=overwrite,
        elemental=elemental,
    )
    check = report.check
    typer.echo(f"Baked:    {report.out}")
    guess = ", a guess from the numbers in its keys" if report.weights.layout.family == "generic" else ""
    typer.echo(f"Family:   {report.weights.layout.family}{guess}")
    typer.echo(f"Weights:  {report.weights.text()}")
    if report.elemental:
        typer.echo(f"Elements: {report.elemental.text()}")
    if report.strength != 1:
        typer.echo(f"Strength: {report.strength:g}, multiplied with every block weight")
    if filled:
        typer.echo(f"Filled:   {', '.join(filled)}")
    actions = ", ".join(f"{check.count(action)} {action}" for action in ("copied", "scaled", "dropped"))
    typer.echo(f"Modules:  {actions}")
    if check.rest:
        typer.echo(f"REST:     {len(check.rest)} modules that no block claims, weight {report.weights.rest:g}:")
        for module in check.rest:
            typer.echo(f"          {module.module.component} {module.module.path}")
    if check.unknown_keys:
        typer.echo(f"Unknown:  {len(check.unknown_keys)} tensors copied as they are, e.g. {check.unknown_keys[0]}")
    typer.echo(
        f"Verified: every module's change is weight × the original's, to a relative error of {check.max_error:.1e} "
        f"(rounding may cause {check.max_limit:.1e})"
    )
