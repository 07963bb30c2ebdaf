"""What a server tells of a workflow while it draws, over a WebSocket."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from blockweight.render.remote import Credentials

_MOST_MESSAGE = 16 << 20
_CLOSING_SECONDS = 1.0


@dataclass(frozen=True)
class Event:
    """What happens to the workflow that is followed: a node `node` is at its step `value`, or (`over`) there is nothing
    more to come."""

    node: str = ""
    value: int = 0
    over: bool = False


class _Unled(ClientConnection):
    """A connection that no answer sends elsewhere. The library would follow a redirection, the password with it as long
    as the host is the same."""

    def handshake(self, *given: Any, **named: Any) -> None:
        """As every connection does. InvalidHandshake for an error's status, whatever it is."""
        try:
            super().handshake(*given, **named)
        except InvalidStatus as error:
            raise InvalidHandshake(f"it answered {error.response.status_code}") from None


class Events:
    """A WebSocket that is always listened to, so that the server never waits; `client` is the name that workflows are
    sent under. What is told of others, and pictures on their way, are not kept. OSError or WebSocketException if it
    cannot be opened, or is sent elsewhere."""

    def __init__(self, url: str, client: str, credentials: Credentials | None) -> None:
        headers = {}
        if credentials is not None:
            pair = f"{credentials.user}:{credentials.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._open = contextlib.ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(
                f"ws{url.removeprefix('http')}/ws?clientId={client}",
                additional_headers=headers,
                max_size=_MOST_MESSAGE,
                compression=None,
                close_timeout=_CLOSING_SECONDS,
                user_agent_header="blockweight",
                create_connection=_Unled,
            )
        )
        self._socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        self._followed = ""
        self._heard: SimpleQueue[Event] = SimpleQueue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def broken(self) -> bool:
        """Whether the connection is gone."""
        return not self._thread.is_alive()

    def follow(self, prompt: str) -> None:
        """Listen for what is told of this workflow from now on."""
        self._heard = SimpleQueue()
        self._followed = prompt

    def next(self, seconds: float) -> Event | None:
        """The next event, awaited for this long; None if there was none."""
        try:
            return self._heard.get(timeout=seconds)
        except Empty:
            return None

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(WebSocketException, OSError):
            self._open.close()
        self._thread.join()

    def _listen(self) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            for message in self._socket:
                if isinstance(message, str) and (event := self._read(message)) is not None:
                    self._heard.put(event)
        # Nobody should wait for what cannot come any more.
        self._heard.put(Event(over=True))

    def _read(self, message: str) -> Event | None:
        try:
            found = json.loads(message)
            sort, data = found["type"], found["data"]
            ours = data["prompt_id"] == self._followed
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return _event(sort, data) if ours and isinstance(data, dict) else None


def _event(sort: object, data: Mapping[str, Any]) -> Event | None:
    node, value = data.get("node"), data.get("value")
    if sort == "progress" and isinstance(node, str) and isinstance(value, int):
        return Event(node, value)
    # The history has the workflow by then.
    return Event(over=True) if sort == "executing" and node is None else None
