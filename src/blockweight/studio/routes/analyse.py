"""Analyse: what each block does in the project's scenes, seen, measured, and suggested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from blockweight.studio.analysis_form import wanted_of
from blockweight.studio.forms import json_object, picture
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.languages import catalogue
from blockweight.studio.pages import Facts, cost_words, look_of, project_page, told, with_steps
from blockweight.studio.projects import FOR_EVER, Opened
from blockweight.workflow.analysis.budget import able_to_tell
from blockweight.workflow.analysis_files import REPORT, analysis_figure, analysis_file
from blockweight.workflow.analysis_steps import RANGE
from blockweight.workflow.analysis_text import page_facts
from blockweight.workflow.difference_pictures import difference_path
from blockweight.workflow.project_analysis import preview_analysis
from blockweight.workflow.project_masks import colour_mask, mask_path, save_mask
from blockweight.workflow.tuning_text import cost_facts

router = APIRouter(prefix="/projects/{identity}")


@router.get("/analyse")
def page(request: Request, found: Opened) -> Response:
    """The page, with all that it shows."""
    view = with_steps(request, page_facts(found.tuning))
    return project_page(request, found, "analyse.html.j2", view=view, first_range=RANGE.split(","))


@router.get("/analyse/view")
def view(request: Request, found: Opened) -> Facts:
    """All that the page shows, anew."""
    return Facts(with_steps(request, page_facts(found.tuning)))


@router.post("/analyse/cost")
def cost(request: Request, found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """What the analysis that the form asks for would cost, as numbers and in words, and what it would be able to tell:
    by which `method`, and in how many of the project's scenes (`all_scenes`)."""
    wanted, scenes = wanted_of(found.tuning, data), len(found.tuning.state().scenes)
    facts = cost_facts(preview_analysis(found.tuning, wanted))
    tells = told(request, able_to_tell(wanted.method, wanted.scenes or scenes, aims=bool(wanted.aims.strip())))
    chosen = {"method": wanted.method, "scenes": wanted.scenes or scenes, "all_scenes": scenes}
    words = cost_words(request, {**facts, "adaptive": wanted.adaptive})
    return Facts({**facts, **chosen, "text": words, "tells": tells})


@router.get("/analyses/{number}/figures/{name}.svg")
def figure(request: Request, found: Opened, number: int, name: str) -> Response:
    """A figure of a complete analysis, in the words of the page that asks and in its colours."""
    drawn = analysis_figure(found.tuning, number, name, catalogue(look_of(request).language).gettext)
    return Response(drawn, headers={"cache-control": "no-store"}, media_type="image/svg+xml")


@router.get("/analyses/{number}/report")
def report(found: Opened, number: int) -> Response:
    """The report of a complete analysis: a page that holds all that it shows, and may reach nothing else."""
    headers = {"cache-control": "no-store", "content-security-policy": REPORT_POLICY}
    return FileResponse(analysis_file(found.tuning, number, REPORT), headers=headers, media_type="text/html")


@router.get("/analyses/{number}/files/{name}")
def file(found: Opened, number: int, name: str) -> Response:
    """A file of a complete analysis, to be kept."""
    path = analysis_file(found.tuning, number, name)
    return FileResponse(path, headers={"cache-control": "no-store"}, filename=name)


@router.post("/masks")
def paint(found: Opened, data: Annotated[bytes, Depends(picture)]) -> Facts:
    """Keep a mask that was painted; the answer is its name."""
    return Facts({"name": save_mask(found.tuning, data)})


@router.get("/masks/{name}.png")
def mask(found: Opened, name: str) -> Response:
    """A kept mask."""
    return FileResponse(mask_path(found.tuning, name), headers=FOR_EVER, media_type="image/png")


@router.get("/colour-masks/{key}.png")
def of_colour(found: Opened, key: str, colour: str, tolerance: float) -> Response:
    """What has a colour in a rendered picture, as a mask that is not kept."""
    return Response(colour_mask(found.tuning, key, colour, tolerance), headers=FOR_EVER, media_type="image/png")


@router.get("/differences/{changed}/{source}.png")
def difference(found: Opened, changed: str, source: str) -> Response:
    """What changed between two pictures, on black."""
    return FileResponse(difference_path(found.tuning, changed, source), headers=FOR_EVER, media_type="image/png")
