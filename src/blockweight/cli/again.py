"""`blockweight again`: a picture rendered again, from what it carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import asked_renderer, check_renderers, command_renderer, renderer_named

_Paths = list[Path] | None


@with_renderer
def again(
    picture: Annotated[Path, typer.Argument(parser=options.path, metavar="PICTURE", help="PNG, JPEG or WebP.")],
    model: Annotated[
        _Paths,
        typer.Option(
            "--model", parser=options.path, metavar="PATH", help="The model, or a folder with it. Repeatable."
        ),
    ] = None,
    lora: Annotated[
        _Paths,
        typer.Option("--lora", parser=options.path, metavar="PATH", help="A LoRA, or its folder. Repeatable."),
    ] = None,
    file: Annotated[
        _Paths,
        typer.Option(
            "--file", parser=options.path, metavar="PATH", help="A VAE, ControlNet, embedding or picture. Repeatable."
        ),
    ] = None,
    embeddings: options.Embeddings = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", parser=options.path, metavar="FILE", help="A .png, .webp or .jpg; NAME-again by default."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    compare: Annotated[bool, typer.Option("--compare/--no-compare", help="Say how far its pixels are off.")] = True,
    as_json: Json = False,
) -> None:
    """Render a picture again: from the facts that this program writes into its pictures, else from its infotext."""
    from blockweight.workflow.again import again as render_again  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.again import renderer_of  # noqa: PLC0415
    from blockweight.workflow.file_search import FileSearch  # noqa: PLC0415
    from blockweight.workflow.settings import load_settings  # noqa: PLC0415

    search = FileSearch(load_settings(), tuple(model or ()), tuple(lora or ()), tuple(file or ()))
    named = "" if asked_renderer() else renderer_of(picture)
    check_renderers([named])
    made = render_again(
        picture,
        search,
        renderer_named(named) if named else command_renderer(),
        out,
        compare=compare,
        overwrite=overwrite,
        embeddings=embeddings,
        named=named,
        progress=TerminalProgress(),
    )
    for note in made.made.notes:
        typer.echo(f"Note: {note}", err=True)
    print_told(made.facts(), made.lines(), as_json=as_json)
