"""Compare: any weights in any scenes as a grid, a wipe between two of them, and blind votes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from blockweight.studio.forms import json_object, numbers_of, text_of, texts_of
from blockweight.studio.pages import Facts, cost_words, project_page, with_errors
from blockweight.studio.projects import Opened
from blockweight.workflow.compare_view import compare_view, preview_facts, variant_choices
from blockweight.workflow.comparison import MOST_BLIND, MOST_VARIANTS, Typed
from blockweight.workflow.weight_sheet import parse_fill

router = APIRouter(prefix="/projects/{identity}/compare")


@router.get("")
def page(request: Request, found: Opened, number: int | None = None) -> Response:
    """The page, with all that it shows: the comparison of this number, or the latest."""
    state = found.tuning.state()
    return project_page(
        request,
        found,
        "compare.html.j2",
        view=compare_view(found.tuning, number),
        choices=variant_choices(state),
        scenes=state.scenes,
        most={"variants": MOST_VARIANTS, "blind": MOST_BLIND},
    )


@router.get("/view")
def view(found: Opened, number: int | None = None) -> Facts:
    """All that the page shows, anew."""
    return Facts(compare_view(found.tuning, number))


@router.post("/preview")
def preview(request: Request, found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """The variants as they are read, and what they would cost, as numbers and in words."""
    fill = parse_fill(text_of(data, "fill"))
    blind = data.get("blind") is True
    facts = preview_facts(
        found.tuning, Typed(texts_of(data, "variants"), numbers_of(data, "scenes"), fill, blind=blind)
    )
    words = "" if facts["cost"] is None else cost_words(request, facts["cost"])
    return Facts({**with_errors(request, facts), "text": words})
