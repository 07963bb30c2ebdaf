"""A project's first page: what it tunes, its scenes, what is missing, its rounds, and the way out as a zip."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from blockweight.errors import BlockweightError
from blockweight.studio.acts import perform
from blockweight.studio.forms import Fields, form
from blockweight.studio.library import shelves
from blockweight.studio.pages import project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.workflow.further_fields import choices
from blockweight.workflow.places import locate, look_in_libraries
from blockweight.workflow.project_files import export_for_download
from blockweight.workflow.project_view import project_view
from blockweight.workflow.projects_folder import folder_name
from blockweight.workflow.recent_projects import remember
from blockweight.workflow.scene_edits import FIELDS, add_scenes, change_scene, remove_scene, scene_errors

router = APIRouter(prefix="/projects/{identity}")


@router.get("")
def show(request: Request, found: Opened) -> Response:
    """The page. To look at it makes the project the latest of the list."""
    remember(found.tuning.folder, found.tuning.state().name)
    return _page(request, found)


@router.post("")
def change(request: Request, found: Opened, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Do what `do` says: rename the project, add, change or remove a scene, undo, redo, say where a file is, or look
    for it. Where something is wrong, the page comes with the form as it was sent."""
    what = fields.one("do")
    if what in ("locate", "look"):
        return _placed(request, found, fields)
    if what == "rename":
        return _renamed(request, found, fields)
    typed = {name: fields.one(name).replace("\r\n", "\n") for name in FIELDS}
    editing = fields.one("scene") if what == "change" else None
    errors = scene_errors(found.tuning, typed) if what in ("add", "change") else {}
    if errors:
        return _page(request, found, typed=typed, editing=editing, errors=errors, status=422)
    try:
        _scene_act(found, what, fields, typed)
    except BlockweightError as error:
        shown = typed if what in ("add", "change") else None
        return _page(request, found, typed=shown, editing=editing, errors={"": str(error)}, status=422)
    return RedirectResponse(f"{found.path()}#scenes", 303)


def _scene_act(found: OpenProject, what: str, fields: Fields, typed: Mapping[str, str]) -> None:
    key, event_id = fields.one("scene"), fields.one("id")
    if what == "add":
        add_scenes(found.tuning, typed, event_id=event_id)
    elif what == "change":
        change_scene(found.tuning, key, typed, event_id=event_id)
    elif what == "remove":
        remove_scene(found.tuning, key, event_id=event_id)
    else:
        perform(found.tuning, {"act": what, "id": event_id})


def _renamed(request: Request, found: OpenProject, fields: Fields) -> Response:
    name = fields.one("name")
    try:
        perform(found.tuning, {"act": "rename", "name": name, "id": fields.one("id")})
    except BlockweightError as error:
        return _page(request, found, name=name, errors={"name": str(error)}, status=422)
    return RedirectResponse(found.path(), 303)


def _placed(request: Request, found: OpenProject, fields: Fields) -> Response:
    shelf = shelves(request)
    lora, model = fields.one("lora"), fields.one("model")
    try:
        if lora or model:
            models = [shelf.models.open_path(model)] if model else []
            locate(found.tuning.log, shelf.loras.open_path(lora) if lora else None, models)
        else:
            look_in_libraries(found.tuning.log, shelf.loras, shelf.models)
    except BlockweightError as error:
        return _page(request, found, errors={"places": str(error)}, status=422)
    return RedirectResponse(f"{found.path()}?looked=1", 303)


@router.get("/export.zip")
def export(found: Opened) -> Response:
    """The project as one zip, which is made anew each time and gone once it is sent."""
    file = export_for_download(found.tuning)
    name = quote(f"{folder_name(found.tuning.state().name)}.zip")
    headers = {"cache-control": "no-store", "content-disposition": f"attachment; filename*=utf-8''{name}"}
    gone = BackgroundTask(file.unlink, missing_ok=True)
    return FileResponse(file, headers=headers, media_type="application/zip", background=gone)


def _page(
    request: Request,
    found: OpenProject,
    *,
    typed: Mapping[str, str] | None = None,
    editing: str | None = None,
    name: str | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    view = project_view(found.tuning)
    shelf = shelves(request) if view.missing else None
    # A new scene's form begins as the last scene, but for the seed, of which there must be another.
    added = {**view.scenes[-1].fields, "seeds": str(max(each.scene.seed for each in view.scenes) + 1)}
    return project_page(
        request,
        found,
        "project.html.j2",
        status,
        view=view,
        typed=typed,
        editing=editing,
        name=view.state.name if name is None else name,
        added=added if typed is None or editing else typed,
        errors=errors or {},
        choices=choices(),
        shelf=shelf,
        folder=str(found.tuning.folder),
        looked=bool(request.query_params.get("looked")),
        draw=lambda: secrets.token_urlsafe(9),
    )
