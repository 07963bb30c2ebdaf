"""`blockweight info`: what pictures say of how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.errors import BlockweightError

Pictures = Annotated[list[Path], typer.Argument(parser=options.path, metavar="PICTURE", help="PNG, JPEG or WebP.")]


def info(
    pictures: Pictures,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how pictures were made: prompts, model, LoRAs with block weights, sampling. Of the WebUIs, ComfyUI, and this
    program.
    """
    from blockweight.workflow.picture_info import picture_info  # noqa: PLC0415 - keeps --help fast

    found, errors = [], []
    for path in pictures:
        try:
            found.append(picture_info(path))
        except BlockweightError as error:
            errors.append((path, str(error)))
    if as_json:
        told = [*(each.facts() for each in found), *({"picture": str(path), "error": why} for path, why in errors)]
        typer.echo(json.dumps({"pictures": told}, ensure_ascii=False))
    else:
        typer.echo("\n\n".join("\n".join(each.lines()) for each in found), nl=bool(found))
    for path, why in errors:
        typer.echo(f"Error: {path}: {why}" if len(pictures) > 1 else f"Error: {why}", err=True)
    if errors:
        raise typer.Exit(2)
