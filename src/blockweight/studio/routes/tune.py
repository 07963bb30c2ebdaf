"""Tune: the weight table, the rounds, and the grid in which they are decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from blockweight.studio.forms import json_object, text_of, texts_of
from blockweight.studio.pages import known_settings, look_for, page_text, project_page
from blockweight.studio.projects import Opened
from blockweight.studio.routes.weights import Column
from blockweight.workflow.hint_table import hint_rows
from blockweight.workflow.tune_view import pasted_weights, preview_facts, tune_view
from blockweight.workflow.weight_sheet import FIRST_STEP, cells_of, parse_step

router = APIRouter(prefix="/projects/{identity}/tune")

KINDS = ("Sub", "SubAdd", "Add", "AddSub")


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The page, with all that it shows."""
    state = found.tuning.state()
    subject = state.subject
    columns = [
        Column(block, text, block in state.fixed, block not in subject.blocks, "")
        for block, text in zip(subject.layout.blocks, cells_of(state.weights), strict=True)
    ]
    return project_page(
        request,
        found,
        "tune.html.j2",
        view=tune_view(found.tuning),
        columns=columns,
        layout=subject.layout,
        kinds=KINDS,
        first_step=FIRST_STEP,
        hints=hint_rows(subject.layout),
    )


@router.get("/view")
def view(found: Opened) -> JSONResponse:
    """All that the page shows, anew."""
    return JSONResponse(tune_view(found.tuning), headers={"cache-control": "no-store"})


@router.get("/cost")
def cost(request: Request, found: Opened, kind: str, step: str) -> JSONResponse:
    """What a round would cost, as numbers and in words."""
    facts = preview_facts(found.tuning, kind, parse_step(step))
    look = look_for(request.headers, known_settings())
    text = page_text(look, "cost.html.j2", cost=facts).strip()
    return JSONResponse({**facts, "text": text}, headers={"cache-control": "no-store"})


@router.post("/paste")
def paste(found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> JSONResponse:
    """What a paste into the cell `at` makes of the weights, as text."""
    pasted = pasted_weights(found.tuning.state(), text_of(data, "text"), texts_of(data, "cells"), text_of(data, "at"))
    return JSONResponse({"weights": pasted}, headers={"cache-control": "no-store"})
