"""What every page of a project needs: its pictures, its news, what is done to it, and the rendering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from blockweight.studio.acts import perform
from blockweight.studio.events import stream
from blockweight.studio.forms import json_object, text_of
from blockweight.studio.pages import Facts, look_of, task_facts
from blockweight.studio.projects import FOR_EVER, Opened

router = APIRouter(prefix="/projects/{identity}")


@router.get("/pictures/{key}.png")
def picture(found: Opened, key: str) -> Response:
    """A picture as it was rendered."""
    file = found.tuning.project.pictures.find(key)
    if file is None:
        raise HTTPException(404)
    return FileResponse(file, headers=FOR_EVER, media_type="image/png")


@router.get("/thumbnails/{size}/{key}.jpg")
def thumbnail(found: Opened, size: int, key: str) -> Response:
    """A small picture, its longest side at least `size` pixels where the picture has them."""
    return FileResponse(found.tuning.thumbnails.path(key, size), headers=FOR_EVER, media_type="image/jpeg")


@router.get("/events")
async def events(request: Request, found: Opened, since: int = 0) -> Response:
    """News as they happen: `news` with the version and the keys of pictures that were finished, `task` with what is
    being rendered."""
    last = request.headers.get("last-event-id", "")
    return stream(request, found, int(last) if last.isascii() and last.isdigit() and len(last) < 16 else since)


@router.post("/acts")
def act(found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """Do one act (`studio.acts`); the answer is the version that it led to."""
    state = perform(found.tuning, data)
    return Facts({"version": state.version})


@router.post("/render")
def render(request: Request, found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """Render what is missing for `work`; the answer is the task."""
    task = found.desk.renders.start(found.tuning.folder, text_of(data, "work"))
    return Facts(task_facts(look_of(request).language, task))


@router.post("/stop")
def stop(found: Opened, _: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """Stop rendering for the project after the step at work."""
    found.desk.renders.stop(found.tuning.folder)
    return Facts({})
