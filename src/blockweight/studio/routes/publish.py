"""Bake and publish: a project's LoRA with its weights baked in, the reports, and the strings for other tools."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.bake_form import recipe_in, typed_in, weights_in
from blockweight.studio.forms import Fields, form, query
from blockweight.studio.library import project_library
from blockweight.studio.pages import project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.workflow.bake_preview import BakePreview
from blockweight.workflow.baking import ALPHA_READERS
from blockweight.workflow.project_bake import (
    bake_path,
    bake_project,
    bake_rows,
    find_bake,
    first_texts,
    preview_project,
)
from blockweight.workflow.publish_texts import Copies, copy_texts

router = APIRouter(prefix="/projects/{identity}/bake")


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The form for what the address says, the current weights at first, what baking would do, what was baked, and the
    strings for other tools."""
    asked = query(request)
    return _form(request, found, _first(found, asked) if not asked.has("weights") else typed_in(asked))


@router.post("")
def bake(request: Request, found: Opened, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Bake, keep the report in the project, and go on to it; where something is wrong, show the form as it was sent."""
    typed = typed_in(fields)
    try:
        target = project_library(found.tuning.folder).new_path(typed["folder"], typed["file"])
        weights, recipe = weights_in(typed), recipe_in(typed)
        _, _, made = bake_project(found.tuning, weights, recipe, target, overwrite=bool(typed["overwrite"]))
    except BlockweightError as error:
        return _form(request, found, typed, str(error), 422)
    return RedirectResponse(found.path(f"bake/reports/{made.number}"), 303)


@router.get("/reports/{number}")
def report(request: Request, found: Opened, number: int) -> Response:
    """What a bake has made, and how it was verified."""
    state = found.tuning.state()
    made = find_bake(state, number)
    path = bake_path(state, made)
    there = path is not None and path.is_file()
    return project_page(
        request, found, "project_bake_report.html.j2", bake=made, report=made.report, out=path or made.file, there=there
    )


def _first(found: OpenProject, asked: Fields) -> dict[str, str]:
    """The form at first: the current weights with the project's strength."""
    return {**typed_in(asked), **first_texts(found.tuning.state())}


def _form(request: Request, found: OpenProject, typed: dict[str, str], error: str = "", status: int = 200) -> Response:
    preview: BakePreview | None = None
    copies: Copies | None = None
    try:
        preview = preview_project(found.tuning, weights_in(typed), recipe_in(typed))
        typed = {**typed, "weights": typed["weights"] or preview.weights, "file": typed["file"] or preview.file}
    except BlockweightError as refused:
        error = error or str(refused)
    wrong = ""
    try:
        copies = copy_texts(found.tuning, typed["weights"], weights_in(typed).fill)
    except BlockweightError as refused:
        wrong = str(refused)
    return project_page(
        request,
        found,
        "project_bake.html.j2",
        status,
        typed=typed,
        error=error,
        preview=preview,
        folders=[str(folder) for folder in project_library(found.tuning.folder).folders],
        alpha=ALPHA_READERS,
        action=found.path("bake"),
        bakes=bake_rows(found.tuning.state()),
        outputs=None if copies is None else copies.tools,
        trainers=() if copies is None else copies.trainers,
        wrong=wrong,
    )
