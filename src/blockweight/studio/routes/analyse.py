"""Analyse: what each block does in the project's scenes, seen, measured, and suggested."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from blockweight.studio.forms import picture
from blockweight.studio.pages import Facts, cost_words, project_page, with_steps
from blockweight.studio.projects import FOR_EVER, Opened
from blockweight.workflow.analysis_steps import RANGE
from blockweight.workflow.analysis_text import page_facts
from blockweight.workflow.difference_pictures import difference_path
from blockweight.workflow.own_files import parse_range
from blockweight.workflow.project_analysis import Wanted, preview_analysis
from blockweight.workflow.project_masks import mask_path, save_mask
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


@router.get("/analyse/cost")
def cost(request: Request, found: Opened, blocks: str, weights: str) -> Facts:
    """What an analysis of `blocks` with the range `weights` would cost, as numbers and in words."""
    value, base = parse_range(weights)
    facts = cost_facts(preview_analysis(found.tuning, Wanted(blocks, value, base)))
    return Facts({**facts, "text": cost_words(request, facts)})


@router.post("/masks")
def paint(found: Opened, data: Annotated[bytes, Depends(picture)]) -> Facts:
    """Keep a mask that was painted; the answer is its name."""
    return Facts({"name": save_mask(found.tuning, data)})


@router.get("/masks/{name}.png")
def mask(found: Opened, name: str) -> Response:
    """A kept mask."""
    return FileResponse(mask_path(found.tuning, name), headers=FOR_EVER, media_type="image/png")


@router.get("/differences/{changed}/{source}.png")
def difference(found: Opened, changed: str, source: str) -> Response:
    """What changed between two pictures, on black."""
    return FileResponse(difference_path(found.tuning, changed, source), headers=FOR_EVER, media_type="image/png")
