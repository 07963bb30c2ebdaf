"""Home: the projects, the demo, what is brought in and forgotten; and the switches at the head of every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from blockweight.errors import BlockweightError
from blockweight.studio.forms import Fields, form
from blockweight.studio.guard import LARGER
from blockweight.studio.languages import catalogue, marked
from blockweight.studio.library import shelves
from blockweight.studio.pages import PREFERENCES, Facts, look_of, render
from blockweight.studio.projects import desk_of, identity_of
from blockweight.studio.uploads import file_upload
from blockweight.workflow.demo_project import open_demo
from blockweight.workflow.project_files import import_among
from blockweight.workflow.project_list import ListedProject, listed_projects
from blockweight.workflow.projects_folder import projects_folder
from blockweight.workflow.recent_projects import forget
from blockweight.workflow.settings import check_look, load_settings

router = APIRouter()

_REGION = marked("her face and hair")

_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Entry:
    """A project of the list and its part of an address."""

    identity: str
    listed: ListedProject


@router.get("/")
def home(request: Request) -> Response:
    """The projects, and what can be done here."""
    settings = load_settings()
    desk = desk_of(request)
    listed = listed_projects(desk.folders(), desk.at_hand())
    entries = [Entry(identity_of(each.folder), each) for each in listed]
    return render(
        request,
        "home.html.j2",
        settings=settings,
        entries=entries,
        projects=projects_folder(settings),
        most=LARGER["/projects/import"][0],
    )


@router.post("/projects/demo")
def demo(request: Request, _: Annotated[Fields, Depends(form)]) -> Response:
    """Make the demo's project, or open it again, and go to its analysis, the first step of the tutorial."""
    desk = desk_of(request)
    region = catalogue(look_of(request).language).gettext(_REGION)
    with open_demo(projects_folder(load_settings()), list(desk.folders()), region) as tuning:
        identity = identity_of(tuning.folder)
    return RedirectResponse(f"/projects/{identity}/analyse", 303)


@router.post("/projects/forget")
def leave_out(request: Request, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Take a project from the list; its folder, if there is one, stays as it is."""
    wanted = fields.one("project")
    folder = next((each for each in desk_of(request).folders() if identity_of(each) == wanted), None)
    if folder is None:
        raise HTTPException(404)
    forget(folder)
    return RedirectResponse("/", 303)


@router.post("/projects/import")
async def bring_in(request: Request, name: str = "project.zip") -> Facts:
    """Import the zip that the body is; the answer is the address of the project."""
    if request.headers.get("content-type", "") != "application/zip":
        raise BlockweightError("The request is no zip file; choose one on the studio's own page.")
    shelf = await run_in_threadpool(shelves, request)
    async with file_upload(request, shelf.projects) as file:
        try:
            imported = await run_in_threadpool(import_among, file, name, shelf.projects, shelf.loras, shelf.models)
        except BlockweightError as error:
            raise BlockweightError(str(error).replace(str(file), name)) from None
    return Facts({"place": f"/projects/{identity_of(imported.folder)}"})


@router.post("/look")
def look(fields: Annotated[Fields, Depends(form)]) -> Response:
    """Set the language or the theme for this browser, and go back to the page."""
    back = fields.one("back", "/")
    # Only a path on this server: '//host' and '/\\host' would lead to another.
    place = back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"
    answer = RedirectResponse(place, 303)
    for name in PREFERENCES:
        if fields.has(name):
            value = fields.one(name)
            check_look(name, value)
            answer.set_cookie(name, value, max_age=_YEAR, httponly=True, samesite="strict")
    if not any(map(fields.has, PREFERENCES)):
        raise BlockweightError("Neither a language nor a theme was chosen; use the switches at the head of the page.")
    return answer
