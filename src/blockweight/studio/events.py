"""News of a project for the pages that show it: server-sent events, each with the version that it brings one to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from blockweight.errors import BlockweightError
from blockweight.studio.pages import look_of, task_facts
from blockweight.studio.projects import OpenProject
from blockweight.workflow.render_process import Task

if TYPE_CHECKING:
    from blockweight.project import News

LOOK = 0.2
"""Seconds between two looks at the log, which other programs may write too."""

PING = 15.0
"""Seconds after which a line that says nothing shows whether the browser is still there."""


def stream(request: Request, project: OpenProject, since: int) -> StreamingResponse:
    """An event stream of what changes after the version `since` (0: everything), until the browser or the
    studio leaves, or the project is not in its place any more; the browser then asks again.

    `news` events hold a version and the keys of the pictures that were finished, `task` events what is being rendered:
    an empty object for nothing. A `task` comes at once.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(request, project, since), media_type="text/event-stream", headers=headers)


async def _events(request: Request, project: OpenProject, version: int) -> AsyncIterator[str]:
    task, quiet = project.task, 0.0
    language = look_of(request).language
    # Always told at first: after a restart there is none, where the page may still show one.
    yield f"retry: 1000\n\n{_event('task', _facts(language, task))}"
    while not project.desk.leaving and not await request.is_disconnected():
        try:
            news = await run_in_threadpool(_news, project, version)
        except BlockweightError:
            return  # whoever asks for the project's pages is told why
        now = project.task
        quiet = quiet + LOOK if news is None and now == task else 0.0
        if news is not None:
            version = news.state.version
            yield _event("news", {"version": version, "rendered": list(news.rendered)}, version)
        if now != task:
            yield _event("task", _facts(language, now))
        if quiet >= PING:
            yield ": still here\n\n"
            quiet = 0.0
        task = now
        await asyncio.sleep(LOOK)


def _news(project: OpenProject, version: int) -> News | None:
    if not project.tuning.in_place:
        raise BlockweightError("The project is not in its place any more.")
    return project.tuning.state_since(version)


def _facts(language: str, task: Task | None) -> Mapping[str, object]:
    return {} if task is None else task_facts(language, task)


def _event(kind: str, facts: Mapping[str, object], number: int | None = None) -> str:
    identity = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\n{identity}data: {json.dumps(facts)}\n\n"
