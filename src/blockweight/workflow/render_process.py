"""Rendering in a process of its own, so that a page never waits for a picture and no crash of a renderer ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.render_worker import WORKS

Phase = Literal["waiting", "running", "stopping", "done", "stopped", "failed"]

_OPEN = ("waiting", "running", "stopping")

_CRASHED = (
    "The process that renders has ended by itself (exit code {code}); every finished picture is kept: start again to "
    "go on."
)


@dataclass(frozen=True)
class Task:
    """Something to render for a project, and how far it is: `done` of `total` pictures, and `reached` with what is at
    work beside them. `left` is in seconds, None before anything tells; `news` is what the renderer said last of its
    workers, and `error` why it failed, in one sentence each."""

    number: int
    folder: Path
    work: str
    phase: Phase = "waiting"
    total: int = 0
    done: int = 0
    reached: float = 0.0
    left: float | None = None
    news: str = ""
    error: str = ""

    @property
    def open(self) -> bool:
        """Whether it is waiting, running, or about to stop."""
        return self.phase in _OPEN

    def facts(self) -> dict[str, object]:
        """The task as plain values, without the folder."""
        told = {
            name: getattr(self, name)
            for name in ("number", "work", "phase", "total", "done", "reached", "left", "news", "error")
        }
        return {**told, "open": self.open}


@dataclass
class _Pace:
    """When a task's first picture began, and how many there were."""

    since: float
    first: int


@dataclass
class RenderProcess:
    """Works through tasks one after another, in the order in which they came. Threads may share one.

    The process is begun with the first task and kept, with the models that it has loaded; if it dies, its task has
    failed and the next one begins another. `renderer` is a name that `renderer_named` knows, empty for the one that the
    settings choose when a task begins.
    """

    renderer: str = ""
    _tasks: dict[int, Task] = field(default_factory=dict)
    _paces: dict[int, _Pace] = field(default_factory=dict)
    _child: subprocess.Popen[str] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self, folder: Path, work: str) -> Task:
        """Render what the project in `folder` lacks for `work` (one of `render_worker.WORKS`); the task that is open
        for it, if there is one. BlockweightError for another work."""
        if work not in WORKS:
            raise BlockweightError(f"Nothing can be rendered for {quoted(work)}; load the page anew.")
        with self._lock:
            latest = self.task(folder)
            if latest is not None and latest.work == work and latest.phase in ("waiting", "running"):
                return latest
            task = Task(len(self._tasks) + 1, folder, work)
            self._tasks[task.number] = task
            self._next()
            return self._tasks[task.number]

    def task(self, folder: Path) -> Task | None:
        """The project's latest task, None before there is one."""
        with self._lock:
            return next((task for task in reversed(self._tasks.values()) if task.folder == folder), None)

    def stop(self, folder: Path) -> None:
        """Stop the project's tasks after the step at work; what is missing can be rendered later."""
        with self._lock:
            for task in list(self._tasks.values()):
                if task.folder != folder or task.phase not in ("waiting", "running"):
                    continue
                if task.phase == "waiting":
                    self._tasks[task.number] = replace(task, phase="stopped")
                else:
                    self._tasks[task.number] = replace(task, phase="stopping")
                    self._send({"stop": task.number})

    def close(self) -> None:
        """End the process; at most the batch in flight is lost."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()

    def _next(self) -> None:
        """Hand the next task to the process, unless it is at work."""
        if any(task.phase in ("running", "stopping") for task in self._tasks.values()):
            return
        waiting = next((task for task in self._tasks.values() if task.phase == "waiting"), None)
        if waiting is None:
            return
        self._tasks[waiting.number] = replace(waiting, phase="running")
        self._send(
            {"task": waiting.number, "folder": str(waiting.folder), "work": waiting.work, "renderer": self.renderer}
        )

    def _send(self, order: Mapping[str, object]) -> None:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "blockweight.workflow.render_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                # Ctrl-C in the terminal is for the studio, which ends this process itself.
                start_new_session=True,
            )
            threading.Thread(target=self._listen, args=(self._child,), daemon=True).start()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(f"{json.dumps(order)}\n")
            self._child.stdin.flush()
        except OSError:
            pass  # it has just died: whoever listens to it says so

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            told = json.loads(line)
            with self._lock:
                self._told(told.pop("task"), told)
        code = child.wait()
        with self._lock:
            if self._child is not child:
                return  # closed
            self._child = None
            for task in list(self._tasks.values()):
                if task.phase in ("running", "stopping"):
                    self._tasks[task.number] = replace(task, phase="failed", error=_CRASHED.format(code=code))
            self._next()

    def _told(self, number: int, told: Mapping[str, Any]) -> None:
        task = self._tasks[number]
        if "total" in told:
            self._paces[number] = _Pace(time.monotonic(), told["done"])
            self._tasks[number] = replace(task, total=told["total"], done=told["done"], reached=told["done"])
        elif "news" in told:
            self._tasks[number] = replace(task, news=told["news"])
        elif "done" in told:
            pace = self._paces[number]
            reached = told["reached"]
            # Somebody may tell that nothing has been reached yet.
            more = reached - pace.first
            left = (time.monotonic() - pace.since) / more * (task.total - reached) if more > 0 else None
            self._tasks[number] = replace(task, done=told["done"], reached=reached, left=left)
        else:
            self._tasks[number] = replace(task, phase=told["phase"], error=told.get("error", ""), left=None)
            self._next()
