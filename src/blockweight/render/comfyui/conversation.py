"""One workflow at a time on a server: sent once, watched, called off, and brought back."""

from __future__ import annotations

import contextlib
import math
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from websockets.exceptions import WebSocketException

from blockweight.errors import BlockweightError
from blockweight.render.comfyui.events import Events
from blockweight.render.comfyui.graph import Nodes
from blockweight.render.comfyui.trouble import node_errors, refused
from blockweight.render.remote import Credentials, Server, ServerError

_LOOKS = 3
_TIMES_LOST = 2
_SILENT_ROUNDS = 10

Told = Callable[[str, int], None]
"""Told of a node that works, and how many of its steps are done."""


class Conversation:
    """What is said with a server about workflows. `pause` is for how many seconds it listens at a time before it looks
    after the picture itself, and after how many it asks whether anybody still wants it.

    Progress comes over a WebSocket. Without one, or when it breaks, the history is asked instead: nothing of the
    picture depends on it.
    """

    def __init__(self, server: Server, credentials: Credentials | None, pause: float) -> None:
        self._server = server
        self._credentials = credentials
        self._pause = pause
        self._client = uuid.uuid4().hex
        self._events: Events | None = None

    def close(self) -> None:
        """Hang up."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def run(self, nodes: Nodes, told: Told, wanted: Callable[[], None]) -> Mapping[str, Any]:
        """The history's entry for a workflow that ended, well or badly. `told` hears of its steps; `wanted` is called
        while nothing happens. What either raises calls the workflow off on the server, and this one alone.

        It is sent again only if the server certainly lost it: it has started anew and knows nothing of it. ServerError
        if the server cannot be reached any more, BlockweightError if it does not take the workflow.
        """
        for _ in range(_TIMES_LOST + 1):
            prompt = str(uuid.uuid4())
            self._listen(prompt)
            try:
                prompt = self._send(prompt, nodes)
                entry = self._ended(prompt, told, wanted)
            except BaseException:
                self._call_off(prompt)
                raise
            if entry is not None:
                return entry
        raise BlockweightError(
            f"ComfyUI forgot the picture {_TIMES_LOST + 1} times before it was made, as if it started anew each time; "
            "look at its own log where it runs."
        )

    def _listen(self, prompt: str) -> None:
        """Open the WebSocket if it is not; none if it cannot be opened, which the next request says better."""
        if self._events is not None and self._events.broken:
            self.close()
        if self._events is None:
            with contextlib.suppress(WebSocketException, OSError, ValueError):
                self._events = Events(self._server.address.url, self._client, self._credentials)
        if self._events is not None:
            self._events.follow(prompt)

    def _send(self, prompt: str, nodes: Nodes) -> str:
        """Send a workflow, once; the name that the server gives it, as a rule the one it was asked to."""
        body = {"prompt": nodes, "client_id": self._client, "prompt_id": prompt}
        for _ in range(_LOOKS):
            try:
                answer = self._server.post_json("/prompt", body)
            except ServerError as error:
                if error.status == 400:
                    raise refused(error.told) from None
                # It may have been taken before the answer was lost.
                if error.unsent or (error.trouble == "answer" and error.status < 500):
                    raise
                if self._came(prompt):
                    return prompt
                last = error
                continue
            named = answer.get("prompt_id") if isinstance(answer, dict) else None
            if not isinstance(named, str):
                raise refused(None)
            if named != prompt and self._events is not None:
                self._events.follow(named)
            if (left_out := node_errors(answer)) is not None:
                self._call_off(named)
                raise left_out
            return named
        raise last

    def _came(self, prompt: str) -> bool:
        """Whether the server has a workflow that it did not say it has; looked after more than once, because it may
        still be reading it."""
        for _ in range(_LOOKS):
            if self._history(prompt) is not None or self._queued(prompt) != "":
                return True
            time.sleep(self._pause)
        return False

    def _ended(self, prompt: str, told: Told, wanted: Callable[[], None]) -> Mapping[str, Any] | None:
        """The history's entry once there is one; None if the server knows nothing of the workflow."""
        silent = 0
        asked = -math.inf
        while True:
            if (now := time.monotonic()) >= asked + self._pause:
                wanted()
                asked = now
            if self._events is None or self._events.broken:
                time.sleep(self._pause)
            elif (event := self._events.next(self._pause)) is not None and not event.over:
                told(event.node, event.value)
                continue
            try:
                entry = self._history(prompt)
                if entry is not None:
                    return entry
                # In this order: what leaves the queue is in the history.
                if not self._queued(prompt):
                    return self._history(prompt)
                silent = 0
            except ServerError as error:
                silent += 1
                # A server that starts anew cannot be reached for a while.
                if error.trouble not in ("refused", "cut off", "slow") or silent == _SILENT_ROUNDS:
                    raise

    def _history(self, prompt: str) -> Mapping[str, Any] | None:
        told = self._server.get_json(f"/history/{prompt}")
        entry = told.get(prompt) if isinstance(told, dict) else None
        return entry if isinstance(entry, dict) else None

    def _queued(self, prompt: str) -> str:
        """`running` or `pending`, empty if the workflow is in no queue."""
        told = self._server.get_json("/queue")
        for place in ("running", "pending"):
            items = told.get(f"queue_{place}") if isinstance(told, dict) else None
            for item in items if isinstance(items, list) else ():
                if isinstance(item, list) and len(item) > 1 and item[1] == prompt:
                    return place
        return ""

    def _call_off(self, prompt: str) -> None:
        """Take a workflow out of the queue, or stop it if it runs: never another one, so the server is asked first."""
        with contextlib.suppress(BlockweightError):
            self._server.post_json("/queue", {"delete": [prompt]}, repeatable=True)
            if self._queued(prompt) == "running":
                self._server.post_json("/interrupt", {"prompt_id": prompt}, repeatable=True)
