"""The option that says where a command renders."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from blockweight.cli.option_groups import signed

_Renderer = Annotated[
    str,
    typer.Option(
        "--renderer",
        help="What renders, whatever the settings say: local, local:cuda, …, a server's address, as in "
        "webui+http://127.0.0.1:7860, several with commas between them, or ray for many graphics cards.",
    ),
]


def with_renderer(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the option --renderer, which `workflow.renderers.command_renderer` and models of servers
    (`--model server:NAME`) go by as long as the command works."""

    @wraps(command)
    def run(renderer: str = "", **given: Any) -> None:
        from blockweight.workflow.renderers import rendering_with  # noqa: PLC0415 - keeps --help fast

        with rendering_with(renderer):
            command(**given)

    signed(run, command, {"renderer": (_Renderer, "")})
    return run
