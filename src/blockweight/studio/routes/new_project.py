"""A new project: a form that an infotext or a picture fills in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.forms import Fields, form
from blockweight.studio.guard import LARGER
from blockweight.studio.library import shelves
from blockweight.studio.pages import Facts, render, told
from blockweight.studio.projects import identity_of
from blockweight.studio.uploads import small_upload
from blockweight.workflow.generation_fields import read_generation, read_generation_of_picture
from blockweight.workflow.project_form import empty_form, filled_form, form_errors, form_notes, make_project
from blockweight.workflow.projects_folder import folder_name
from blockweight.workflow.scenes import sampler_names

router = APIRouter(prefix="/projects/new")


@router.get("")
def show(request: Request) -> Response:
    """The form."""
    return _form(request, empty_form())


@router.post("")
def make(request: Request, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Make the project and open it; or, for the button `fill`, fill the form in from its `infotext`. Where something is
    wrong, the form comes as it was sent, each sentence at its field."""
    typed = {name: fields.one(name, first).replace("\r\n", "\n") for name, first in empty_form().items()}
    infotext = fields.one("infotext")
    if fields.has("fill_in"):
        try:
            found = read_generation(infotext)
        except BlockweightError as error:
            return _form(request, typed, infotext, errors={"infotext": str(error)}, status=422)
        return _form(request, filled_form(typed, found), infotext, notes=form_notes(found), filled=True)
    shelf = shelves(request)
    errors = form_errors(typed, shelf)
    if not errors:
        try:
            with make_project(typed, shelf) as tuning:
                return RedirectResponse(f"/projects/{identity_of(tuning.folder)}", 303)
        except BlockweightError as error:
            errors = {"": str(error)}
    return _form(request, typed, infotext, errors=errors, status=422)


@router.post("/picture")
def picture(request: Request, data: Annotated[bytes, Depends(small_upload)]) -> Facts:
    """The form's fields that the picture in the body gives, and what is not honoured of it."""
    found = read_generation_of_picture(data)
    given = filled_form({}, found)
    return Facts({"fields": given, "notes": [told(request, note) for note in form_notes(found)]})


def _form(
    request: Request,
    typed: Mapping[str, str],
    infotext: str = "",
    *,
    notes: Sequence[str] = (),
    filled: bool = False,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    shelf = shelves(request)
    return render(
        request,
        "new_project.html.j2",
        status,
        typed=typed,
        infotext=infotext,
        notes=notes,
        filled=filled,
        errors=errors or {},
        loras=shelf.loras.files(),
        models=shelf.models.files(),
        samplers=sampler_names(),
        projects=shelf.projects,
        folder=folder_name(typed["name"]) if typed["name"].strip() else "",
        most=LARGER["/projects/new/picture"][0],
    )
