"""What commands print: for a person lines, for a program one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable

import typer


def print_told(facts: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print on standard output the facts as JSON, or the lines."""
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else "\n".join(lines))
