"""`blockweight helper`: the tutorial's spreadsheet."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from blockweight.cli import scene_options as options


def helper(
    weights: Annotated[str, typer.Argument(help='The current weights, "NAME:1,0,0.5,…" or any other notation.')],
    fixed: Annotated[str, typer.Option("--fixed", help='Decided blocks ("Fix"), e.g. BASE,IN00,IN02,IN06-M00.')] = "",
    step: Annotated[
        float, typer.Option("--step", callback=options.finite, help="AddSubValue: by how much a block is moved.")
    ] = 0.5,
    family: Annotated[str, typer.Option("--family", help="The family of the weights.")] = "sd1",
    limits: Annotated[
        tuple[float, float] | None, typer.Option("--limits", help="Move no weight beyond these two, e.g. 0 1.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="Your prompt with its <lora:…> tag: also print what to paste into the WebUI."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print what LoRA Block Weight Plot Helper prints: presets and Prompt S/R lines of every round, the Effective Block
    Analyzer's blocks, and sd-scripts' learning rates.
    """
    from blockweight.workflow.plot_helper import plot_helper_of  # noqa: PLC0415 - keeps --help fast

    sheet = plot_helper_of(weights, family, fixed, step, limits)
    steps = {} if prompt is None else sheet.webui(prompt)
    if as_json:
        facts = sheet.facts() | ({"webui": steps} if steps else {})
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    typer.echo(f"WEIGHT\n{sheet.weights.text()}")
    for kind, planned in sheet.rounds.items():
        typer.echo(f"\n{kind}Weights\n" + "\n".join(planned.presets()))
        typer.echo(f"\n{kind}PromptSr\n{planned.prompt_sr()}")
    typer.echo(f"\nEffective Block Analyzer - Blocks\n{sheet.eba_blocks or '-'}")
    typer.echo(f"\nsd-scripts lr_weight\n{sheet.lr_weight or '-'}")
    for place, fields in steps.items():
        for field, text in fields.items():
            typer.echo(f"\nWebUI, {place}: {field}\n{text or '-'}")
