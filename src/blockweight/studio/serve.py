"""Listening: the socket, the first lines on the terminal, the browser, and the server itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door, door_for
from blockweight.studio.projects import Desk
from blockweight.workflow.render_process import RenderProcess
from blockweight.workflow.renderers import check_renderer

_GRACE = 3
"""Seconds that open requests have after Ctrl-C."""


def serve(address: Address, project: str | None, renderer: str, *, open_browser: bool) -> None:
    """Serve the pages until Ctrl-C; an empty `renderer` is the settings' one. BlockweightError for a project that is no
    folder, a renderer that there is not, and an address or port that cannot be listened on."""
    if renderer:
        check_renderer(renderer)
    desk = Desk(None if project is None else _folder(project), RenderProcess(renderer))
    listening = _listen(address)
    door = door_for(replace(address, port=listening.getsockname()[1]))
    config = uvicorn.Config(
        make_app(door, desk),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    for line in greeting(door):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    with listening, contextlib.closing(desk):
        if open_browser:
            _open(door)
        # Ctrl-C is how one leaves; the server has closed everything by then.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_Server(config, desk).serve(sockets=[listening]))


class _Server(uvicorn.Server):
    """A server that tells the desk as soon as it is asked to stop: it then waits for what is being answered, and an
    event stream would never end by itself."""

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._desk.leaving = True
        super().handle_exit(sig, frame)


def greeting(door: Door) -> list[str]:
    """What the terminal shows first: where the studio is, and how to get in from elsewhere."""
    lines = [f"The studio is at {door.url()}"]
    if door.token is not None:
        lines += [
            "Other machines can reach this address, so it asks for the token at the end of it: open the whole line",
            "once in each browser; a cookie remembers it. The token is new at every start. The connection is not",
            "encrypted: use it in a network that you trust, or through an SSH tunnel to 127.0.0.1.",
        ]
    return [*lines, "Press Ctrl-C to stop it."]


def _folder(text: str) -> Path:
    try:
        path = Path(text).expanduser().resolve()
        there = path.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise BlockweightError(f"{quoted(text, 200)} cannot be read ({error}); check the path.") from None
    if not there:
        raise BlockweightError(f"There is no folder {quoted(text, 200)}; check the path.")
    return path


def _listen(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"{quoted(address.host)} is no address of this machine ({reason}); leave out --host, or give one that is."
        ) from None
    family, kind, protocol, _, place = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        # After a kill the port would stay taken for a minute; on Windows the option means something else.
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(100)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise BlockweightError(
                f"The port {address.port} is in use, perhaps by another studio; choose another with --port, or 0 for "
                "any free one."
            ) from None
        raise BlockweightError(
            f"{quoted(address.host)} port {address.port} cannot be listened on ({error.strerror or error}); choose "
            "another --host or --port."
        ) from None
    return listening


def _open(door: Door) -> None:
    # The socket listens already, so the browser waits until the server takes its request.
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(door.url())
