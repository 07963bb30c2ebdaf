"""Options that commands share, as typer sees them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from blockweight.cli.option_groups import NONE_GATHERED, Gathered, with_options

PAPER = with_options(
    "paper",
    {"width": (Annotated[int, typer.Option("--width")], 3), "colour": (Annotated[str, typer.Option()], "white")},
)
INK = with_options("ink", {"ink": (Annotated[str, typer.Option()], "black")}, lambda given: {"of": given["ink"]})


def run(*arguments: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    app = typer.Typer()

    @app.command()
    @PAPER
    @INK
    def draw(what: str, twice: bool = False, paper: Gathered = NONE_GATHERED, ink: Gathered = NONE_GATHERED) -> None:
        seen.update(what=what, twice=twice, paper=paper, ink=ink)

    assert CliRunner().invoke(app, arguments).exit_code == 0
    return seen


def test_a_parameter_stands_for_the_options_of_its_group_with_their_defaults():
    assert run("cat") == {
        "what": "cat",
        "twice": False,
        "paper": {"width": 3, "colour": "white"},
        "ink": {"of": "black"},
    }


def test_what_is_given_of_a_group_reaches_the_command():
    seen = run("cat", "--width", "5", "--ink", "red", "--twice")
    assert (seen["paper"], seen["ink"], seen["twice"]) == ({"width": 5, "colour": "white"}, {"of": "red"}, True)
