"""`blockweight studio`: the web pages."""

from __future__ import annotations

from typing import Annotated

import typer


def studio(
    project: Annotated[
        str | None, typer.Argument(help="A project's folder; the pages may use its LoRAs beside those of the settings.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any free one.")] = 8571,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; any but this machine's own asks for a token.")
    ] = "127.0.0.1",
    renderer: Annotated[
        str,
        typer.Option(
            "--renderer",
            help="What renders, whatever the settings say: local, local:cpu, local:cuda, local:mps, a server's "
            "address (webui+http://host:7860), or fake to try the pages without a model.",
        ),
    ] = "",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Open the studio: a local web page for everything that can be done by eye."""
    from blockweight.studio import Address, open_studio  # noqa: PLC0415 - keeps --help fast

    open_studio(Address(host, port), project, renderer, open_browser=open_browser)
