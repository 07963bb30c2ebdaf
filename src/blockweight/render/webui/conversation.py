"""One picture asked for and waited for: with its progress, and stopped at once if somebody wants that."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from blockweight.render.protocol import Step, Watch
from blockweight.render.remote import Server, ServerError
from blockweight.render.webui.asking import Asked
from blockweight.render.webui.discovery import API

_LOOK_SECONDS = 0.25
_PATIENCE = 6 * 3600.0
"""Seconds for a picture: a CPU takes long for a large one, and others may stand in the queue before it."""

_MOST_LOST = {"refused": 3, "slow": 12}
"""Looks in a row that find nobody there, each tried again several times, or nobody who answers."""

_LOOK_PATIENCE = 10.0
_GOODBYE_PATIENCE = 5.0

_END_SECONDS = 20.0
"""A WebUI ends the step at work after an interrupt."""

_MOST_BYTES = 512 << 20


@dataclass
class _Post:
    """A request on its way, in a thread of its own, since the server answers when the picture is done."""

    send: Callable[[], Any]
    told: Any = None
    error: BaseException | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.told = self.send()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.error = error
        finally:
            self.over.set()


def converse(server: Server, asked: Asked, watch: Watch, *, has_tasks: bool) -> Any:
    """The JSON of the answer. The request is sent once: a picture that was begun is never asked for again.

    What `watch` raises, told of the steps several times a second, interrupts the server; the half-drawn picture that it
    then answers with, which nothing marks as one, is thrown away. A picture of somebody else's that is drawn before
    ours is left alone, and ours drawn in vain later: the WebUI takes nothing out of its queue. ServerError for what
    goes wrong."""
    task = f"task(blockweight-{uuid.uuid4().hex[:15]})"
    body = {**asked.body, "force_task_id": task}
    post = _Post(lambda: server.post_json(asked.path, body, _MOST_BYTES, _PATIENCE))
    look = _TaskLook(server, task) if has_tasks else _Look(server)
    post.start()
    try:
        while not post.over.wait(_LOOK_SECONDS):
            watch(Step(1, min(int(look.progress() * asked.steps), asked.steps), asked.steps))
    except BaseException:
        if look.ours():
            with suppress(ServerError):
                server.post_json(f"{API}/interrupt", {}, patience=_GOODBYE_PATIENCE)
            post.over.wait(_END_SECONDS)
        raise
    if post.error is not None:
        raise post.error
    watch(Step(1, asked.steps, asked.steps))
    return post.told


class _Look:
    """The progress of whatever the server draws."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reached = 0.0
        self._lost = 0

    def progress(self) -> float:
        """The share of the picture that is done, 0 to 1; the last one that was known while the server says nothing.
        ServerError once it is gone for good, and with it the picture."""
        try:
            found = self._ask(_LOOK_PATIENCE)
        except ServerError as error:
            self._lost = self._lost + 1 if error.trouble in _MOST_LOST else 0
            if self._lost >= _MOST_LOST.get(error.trouble, math.inf):
                raise
        else:
            self._lost = 0
            share = found.get("progress") if isinstance(found, dict) else None
            if isinstance(share, int | float) and 0 <= share <= 1:
                self._reached = max(self._reached, float(share))
        return self._reached

    def ours(self) -> bool:
        """Whether what the server draws now is ours, as far as can be told."""
        return True

    def _ask(self, patience: float) -> Any:
        return self._server.get_json(f"{API}/progress", {"skip_current_image": "true"}, patience=patience)


class _TaskLook(_Look):
    """The progress of our own picture."""

    def __init__(self, server: Server, task: str) -> None:
        super().__init__(server)
        self._task = task

    def ours(self) -> bool:
        try:
            found = self._ask(_GOODBYE_PATIENCE)
        except ServerError:
            return False
        return isinstance(found, dict) and found.get("active") is True

    def _ask(self, patience: float) -> Any:
        body = {"id_task": self._task, "live_preview": False}
        return self._server.post_json("/internal/progress", body, patience=patience, repeatable=True)
