"""`blockweight project scenes parts`: a scene's VAE, the picture that it is drawn over, its ControlNets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told

Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="Take it from the scene: vae, init-image or control. Repeatable."),
]


@options.with_parts
def parts(
    folder: Annotated[Path, typer.Argument(parser=options.path, metavar="DIR", help="The project's folder.")],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The scene's number in the list.")],
    without: Without = None,
    parts: options.Parts = options.NO_PARTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Give a scene another VAE, a picture to draw over, or ControlNets. What is not named stays."""
    from blockweight.workflow.part_options import PartOptions  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.scene_edits import scenes_facts  # noqa: PLC0415
    from blockweight.workflow.scene_parts import change_parts  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415
    from blockweight.workflow.tuning_text import show_lines  # noqa: PLC0415

    with open_project(folder) as tuning:
        state = change_parts(tuning, number, PartOptions(**parts), without or ())
    print_told(scenes_facts(state), show_lines(state), as_json=as_json)
