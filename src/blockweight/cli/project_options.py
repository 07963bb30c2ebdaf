"""Options of the commands that work on a tuning project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options

Project = Annotated[Path, typer.Option("--project", parser=options.path, metavar="DIR", help="The project's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Id = Annotated[str, typer.Option("--id", help="Any text drawn once for this act; sent again, it changes nothing.")]
