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
from blockweight.workflow.further_fields import choices
from blockweight.workflow.generation_fields import infotext_of_picture, read_generation
from blockweight.workflow.project_form import (
    empty_form,
    filled_form,
    form_errors,
    form_notes,
    make_project,
    notes_again,
)
from blockweight.workflow.projects_folder import folder_name

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
    # What was not taken stays in sight for as long as the form is not right.
    notes = notes_again(infotext) if fields.one("taken") else []
    if fields.has("fill_in"):
        try:
            found = read_generation(infotext)
        except BlockweightError as error:
            return _form(request, typed, infotext, errors={"infotext": str(error)}, status=422)
        notes = form_notes(found)
        return _form(request, filled_form(typed, found), infotext, notes=notes, taken=True, filled=True)
    shelf = shelves(request)
    errors = form_errors(typed, shelf)
    if not errors:
        try:
            with make_project(typed, shelf) as tuning:
                return RedirectResponse(f"/projects/{identity_of(tuning.folder)}", 303)
        except BlockweightError as error:
            errors = {"": str(error)}
    taken = bool(fields.one("taken"))
    return _form(request, typed, infotext, notes=notes, taken=taken, errors=errors, status=422)


@router.post("/picture")
def picture(request: Request, data: Annotated[bytes, Depends(small_upload)]) -> Facts:
    """The form's fields that the picture in the body gives, the text that it carries, and what is not honoured."""
    infotext = infotext_of_picture(data)
    found = read_generation(infotext)
    notes = [told(request, note) for note in form_notes(found)]
    return Facts({"fields": filled_form({}, found), "infotext": infotext, "notes": notes})


def _form(
    request: Request,
    typed: Mapping[str, str],
    infotext: str = "",
    *,
    notes: Sequence[str] = (),
    taken: bool = False,
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
        taken=taken,
        filled=filled,
        errors=errors or {},
        loras=shelf.loras.files(),
        models=shelf.models.files(),
        choices=choices(),
        projects=shelf.projects,
        folder=folder_name(typed["name"]) if typed["name"].strip() else "",
        most=LARGER["/projects/new/picture"][0],
    )
