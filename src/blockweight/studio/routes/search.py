"""Search: automatically for what can be measured, or by what a person prefers, round by round and on a plane."""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from blockweight.studio.forms import json_object
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.languages import catalogue
from blockweight.studio.pages import Facts, cost_words, look_of, page_text, project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.studio.search_form import choosing_of_form, search_of_form
from blockweight.studio.uploads import small_upload
from blockweight.workflow.choosing.asking import ChoosingAsked, ask_choosing, usual_scenes
from blockweight.workflow.choosing.running import choosing_cost
from blockweight.workflow.choosing.view import choices_view, left_of, prefer_command, shown_choices
from blockweight.workflow.search.asking import BUDGET, GRID, SearchAsked, ask_search
from blockweight.workflow.search.form import auto_command, keep_held_mask, keep_target, search_choices
from blockweight.workflow.search.running import search_cost
from blockweight.workflow.search.view import (
    begun_search,
    found_search,
    front_drawing,
    search_file,
)
from blockweight.workflow.tuning_text import cost_facts

router = APIRouter(prefix="/projects/{identity}/search")

Data = Annotated[Mapping[str, object], Depends(json_object)]
Upload = Annotated[bytes, Depends(small_upload)]


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The form of an automatic search, the one that is begun, and what the latest one found."""
    choices = search_choices(found.tuning)
    return project_page(
        request,
        found,
        "search.html.j2",
        view=_view(request, found),
        choices=choices,
        budget=BUDGET,
        grid=GRID,
        command=auto_command(found.tuning, SearchAsked((choices.objectives,))),
    )


@router.get("/view")
def view(request: Request, found: Opened) -> Facts:
    """What the page shows below its form, anew."""
    return Facts(_view(request, found))


@router.post("/cost")
def cost(request: Request, found: Opened, data: Data) -> Facts:
    """What the search that the form asks for would cost at most, in words, and the same as a command."""
    asked = search_of_form(found.tuning, data)
    plan = ask_search(found.tuning, asked).plan
    words = cost_words(request, cost_facts(search_cost(found.tuning, plan)))
    text = _part(request, found, "search_cost.html.j2", cost=words, plan=plan)
    return Facts({"text": unescape(text), "command": auto_command(found.tuning, asked)})


@router.post("/targets")
def target(found: Opened, data: Upload) -> Facts:
    """Keep a picture to come near; the answer is its name."""
    return Facts({"name": keep_target(found.tuning, data)})


@router.post("/masks")
def mask(found: Opened, data: Upload) -> Facts:
    """Keep a mask for scenes held out; the answer is its name."""
    return Facts({"name": keep_held_mask(found.tuning, data)})


@router.get("/front.svg")
def front(request: Request, found: Opened) -> Response:
    """The front of the latest search, in the words of the page that asks."""
    drawn = front_drawing(found.tuning, catalogue(look_of(request).language).gettext)
    return Response(drawn, headers={"cache-control": "no-store"}, media_type="image/svg+xml")


@router.get("/choose")
def choose(request: Request, found: Opened) -> Response:
    """The form of a search by preference, the round that is to be judged, and what all choices have come to."""
    return project_page(
        request,
        found,
        "choose.html.j2",
        view=_choices(request, found),
        scenes=found.tuning.state().scenes,
        usual=usual_scenes(found.tuning.state()),
        grid=GRID,
        command=prefer_command(ChoosingAsked()),
    )


@router.get("/choose/view")
def choose_view(request: Request, found: Opened) -> Facts:
    """What the page of choices shows, anew."""
    return Facts(_choices(request, found))


@router.post("/choose/cost")
def choose_cost(request: Request, found: Opened, data: Data) -> Facts:
    """What the first round would cost, in words, and the same as a command."""
    asked = choosing_of_form(data)
    begun = ask_choosing(found.tuning, asked)
    words = cost_words(request, cost_facts(choosing_cost(found.tuning, begun)))
    text = _part(request, found, "choose_cost.html.j2", cost=words, begun=begun)
    return Facts({"text": unescape(text), "command": prefer_command(asked)})


@router.get("/{folder}/{name}")
def file(found: Opened, folder: str, name: str) -> Response:
    """A file of a search: its page, which holds all that it shows and may reach nothing else, or its numbers."""
    path = search_file(found.tuning, folder, name)
    headers = {"cache-control": "no-store"}
    if name.endswith(".html"):
        return FileResponse(path, headers={**headers, "content-security-policy": REPORT_POLICY}, media_type="text/html")
    return FileResponse(path, headers=headers, filename=name)


def _view(request: Request, found: OpenProject) -> dict[str, object]:
    begun = begun_search(found.tuning)
    return {
        "version": found.tuning.state().version,
        "begun": "" if begun is None else _part(request, found, "search_begun.html.j2", begun=begun),
        "left": "" if begun is None else cost_words(request, cost_facts(begun.cost)),
        "found": _part(request, found, "search_found.html.j2", shown=found_search(found.tuning), begun=begun),
    }


def _choices(request: Request, found: OpenProject) -> dict[str, object]:
    left, shown = left_of(found.tuning), shown_choices(found.tuning)
    return {
        **choices_view(found.tuning),
        "left": "" if left is None else cost_words(request, cost_facts(left)),
        "stands": "" if shown is None else _part(request, found, "choose_stands.html.j2", shown=shown),
    }


def _part(request: Request, found: OpenProject, template: str, **values: object) -> str:
    return page_text(look_of(request), template, place=found.path(), **values).strip()
