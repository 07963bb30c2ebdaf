"""Tune: the weight table, the rounds, and the grid in which they are decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from blockweight.studio.forms import json_object, text_of, texts_of
from blockweight.studio.pages import Facts, cost_words, project_page, with_steps
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
        view=with_steps(request, tune_view(found.tuning)),
        columns=columns,
        layout=subject.layout,
        kinds=KINDS,
        first_step=FIRST_STEP,
        hints=hint_rows(subject.layout),
    )


@router.get("/view")
def view(request: Request, found: Opened) -> Facts:
    """All that the page shows, anew."""
    return Facts(with_steps(request, tune_view(found.tuning)))


@router.get("/cost")
def cost(request: Request, found: Opened, kind: str, step: str) -> Facts:
    """What a round would cost, as numbers and in words."""
    facts = preview_facts(found.tuning, kind, parse_step(step))
    return Facts({**facts, "text": cost_words(request, facts)})


@router.post("/paste")
def paste(found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """What a paste into the cell `at` makes of the weights, as text."""
    pasted = pasted_weights(found.tuning.state(), text_of(data, "text"), texts_of(data, "cells"), text_of(data, "at"))
    return Facts({"weights": pasted})
