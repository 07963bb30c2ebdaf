"""Least weights: how far each block can be lowered, by a project's analysis, and the pictures that it would make."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.acts import perform
from blockweight.studio.forms import Fields, form
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.pages import project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.workflow.suggest_form import FIRST_FIELDS, fields_for, suggest_typed
from blockweight.workflow.suggest_view import (
    ShownSuggestion,
    latest_suggestion,
    predicted_picture,
    shown_suggestion,
    why_none,
)

router = APIRouter(prefix="/projects/{identity}/suggest")


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The form, and the latest suggestion."""
    number = latest_suggestion(found.tuning)
    try:
        shown = None if number is None else shown_suggestion(found.tuning, number)
    except BlockweightError as error:
        return _page(request, found, fields_for(None), error=str(error))
    return _page(request, found, fields_for(shown), shown)


@router.post("")
def suggest(request: Request, found: Opened, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Suggest from the pictures that there are, and go on to the result; where something is wrong, show the form as it
    was sent, with the reason."""
    typed = {name: fields.one(name, default) for name, default in FIRST_FIELDS.items()}
    try:
        number = suggest_typed(found.tuning, typed)
    except BlockweightError as error:
        return _page(request, found, typed, error=str(error), status=422)
    return RedirectResponse(found.path(f"suggest/{number}"), 303)


@router.get("/{number}")
def result(request: Request, found: Opened, number: int) -> Response:
    """A suggestion, below the form that made it."""
    shown = shown_suggestion(found.tuning, number)
    return _page(request, found, fields_for(shown), shown)


@router.post("/{number}/set")
def set_weights(request: Request, found: Opened, number: int, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Set the project's weights to the suggested ones, and go on to tune them."""
    shown = shown_suggestion(found.tuning, number)
    try:
        weights = {"weights": shown.vector, "rest": f"{shown.rest:g}"}
        perform(found.tuning, {"act": "set weights", "id": fields.one("id"), **weights})
    except BlockweightError as error:
        return _page(request, found, fields_for(shown), shown, str(error), 422)
    return RedirectResponse(found.path("tune"), 303)


@router.get("/{number}/predicted/{scene}.png")
def predicted(found: Opened, number: int, scene: int) -> Response:
    """What is predicted of a scene."""
    path = predicted_picture(found.tuning, number, scene)
    headers = {"cache-control": "no-store", "content-security-policy": REPORT_POLICY}
    return FileResponse(path, headers=headers, media_type="image/png")


def _page(
    request: Request,
    found: OpenProject,
    typed: dict[str, str],
    shown: ShownSuggestion | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    return project_page(
        request,
        found,
        "suggest.html.j2",
        status,
        typed=typed,
        shown=shown,
        error=error,
        refused=why_none(found.tuning),
        act_id=secrets.token_urlsafe(12),
    )
