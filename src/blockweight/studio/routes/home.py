"""Home, and the switches for language and theme at the head of every page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.forms import Fields, form
from blockweight.studio.pages import PREFERENCES, render
from blockweight.workflow.settings import check_look, load_settings

router = APIRouter()

_YEAR = 365 * 24 * 3600


@router.get("/")
def home(request: Request) -> Response:
    """What can be done here."""
    return render(request, "home.html.j2", settings=load_settings())


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
