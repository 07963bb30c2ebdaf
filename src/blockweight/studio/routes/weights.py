"""The weight table: a page that works as a form, and the answers that keep it alive."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from blockweight.blocks import FAMILIES, Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.studio.forms import json_object, query, text_of, texts_of
from blockweight.studio.languages import catalogue, marked
from blockweight.studio.library import chosen_sheet, library
from blockweight.studio.pages import Facts, look_of, page_text, render, told
from blockweight.studio.sentences import Said
from blockweight.workflow.weight_sheet import (
    FIRST_STEP,
    Cells,
    Outputs,
    Sheet,
    cells_of,
    parse_fill,
    parse_step,
    read_cells,
)

router = APIRouter(prefix="/weights")

_NO_NUMBER = marked("%(text)s is not a number; a block weight is a number such as 1, 0.5 or -0.25.")


@dataclass(frozen=True)
class Column:
    """One block's column: its text, whether it is fixed, whether the LoRA lacks it, and what is wrong with the text."""

    block: str
    text: str
    fixed: bool
    absent: bool
    wrong: str


@router.get("")
def show(request: Request) -> Response:
    """The page for the weights in the address: `weights` in any notation, `layout`, `fixed` (blocks), `step`, `fill`,
    `lora`; or `name` and a `cell` for every block, as the form without scripts sends them."""
    asked = query(request)
    typed = {name: asked.one(name) for name in ("lora", "weights", "layout", "name", "fill")}
    typed["step"] = asked.one("step", FIRST_STEP)
    errors: list[str] = []
    sheet = Sheet()
    try:
        sheet = chosen_sheet(request, typed["lora"])
    except BlockweightError as error:
        errors.append(str(error))
        typed["lora"] = ""
    cells = _cells_of(sheet.first().name, sheet)
    name = sheet.first().name
    hints: tuple[str, ...] = ()
    try:
        layout = sheet.layout(typed["layout"]) if typed["layout"] else None
        if asked.has("cell") and asked.one("from") != "text":
            name = typed["name"]
            cells = read_cells(name, layout or cells.layout, asked.every("cell"))
        elif typed["weights"]:
            reading = sheet.read(typed["weights"], layout, parse_fill(typed["fill"]))
            weights, hints = reading.weights, reading.hints
            name, cells = weights.name, read_cells(weights.name, weights.layout, cells_of(weights))
        elif layout is not None:
            cells = read_cells(name, layout, ["1"] * len(layout))
    except BlockweightError as error:
        errors.append(str(error))
    fixed = [block for value in asked.every("fixed") for block in value.split(",") if block in cells.layout.blocks]
    reasons = _reasons(request, cells)
    outputs, wrong = _outputs(request, sheet, cells, fixed, typed["step"], reasons)
    return render(
        request,
        "weights.html.j2",
        typed=typed,
        name=name,
        text=typed["weights"] if errors and typed["weights"] else _text(name, cells),
        errors=errors,
        hints=hints,
        layout=cells.layout,
        columns=_columns(sheet, cells, fixed, reasons),
        families=_families(sheet),
        loras=library(request).files(),
        outputs=outputs,
        wrong=wrong,
    )


@router.post("/cells")
def cells(request: Request, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Response:
    """The cells as they stand in the table: which are no numbers, the text for the twin, and all outputs. With
    `table`, the columns too."""
    sheet = chosen_sheet(request, text_of(data, "lora"))
    layout = sheet.layout(text_of(data, "layout"))
    row = read_cells(text_of(data, "name"), layout, texts_of(data, "cells"))
    return _answer(request, sheet, text_of(data, "name"), row, data, table=bool(text_of(data, "table")))


@router.post("/read")
def read(request: Request, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Response:
    """The weights of a text in any notation, as a new table."""
    sheet = chosen_sheet(request, text_of(data, "lora"))
    now = sheet.layout(text_of(data, "layout"))
    reading = sheet.read(text_of(data, "text"), now, parse_fill(text_of(data, "fill")), text_of(data, "name"))
    weights = reading.weights
    row = read_cells(weights.name, weights.layout, cells_of(weights))
    return _answer(request, sheet, weights.name, row, data, reading.hints, table=True)


@router.post("/paste")
def paste(request: Request, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Response:
    """What a paste into a cell makes of the table."""
    sheet = chosen_sheet(request, text_of(data, "lora"))
    name = text_of(data, "name")
    now = read_cells(name, sheet.layout(text_of(data, "layout")), texts_of(data, "cells"))
    reading = sheet.paste(text_of(data, "text"), now, text_of(data, "at"), parse_fill(text_of(data, "fill")), name)
    weights = reading.weights
    row = read_cells(weights.name, weights.layout, cells_of(weights))
    return _answer(request, sheet, weights.name, row, data, reading.hints, table=True)


@router.post("/layout")
def layout(request: Request, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Response:
    """The table in another layout."""
    sheet = chosen_sheet(request, text_of(data, "lora"))
    name = text_of(data, "name")
    now = read_cells(name, sheet.layout(text_of(data, "layout")), texts_of(data, "cells"))
    if now.weights is None:
        raise BlockweightError(next(iter(now.bad.values())))
    weights, hints = sheet.moved(now.weights, sheet.layout(text_of(data, "to")), parse_fill(text_of(data, "fill")))
    row = read_cells(name, weights.layout, cells_of(weights))
    return _answer(request, sheet, name, row, data, hints, table=True)


def _answer(
    request: Request,
    sheet: Sheet,
    name: str,
    row: Cells,
    data: Mapping[str, object],
    hints: tuple[str, ...] = (),
    *,
    table: bool = False,
) -> Facts:
    fixed = [block for block in texts_of(data, "fixed") if block in row.layout.blocks]
    reasons = _reasons(request, row)
    outputs, wrong = _outputs(request, sheet, row, fixed, text_of(data, "step"), reasons)
    look = look_of(request)
    answer: dict[str, Any] = {
        "name": name,
        "layout": row.layout.name,
        "cells": row.tidy,
        "bad": reasons,
        "text": _text(name, row),
        "hints": [told(request, hint) for hint in hints],
        "outputs": page_text(look, "weight_outputs.html.j2", outputs=outputs, wrong=wrong),
    }
    if table:
        columns = _columns(sheet, row, fixed, reasons)
        answer["table"] = page_text(look, "weight_columns.html.j2", layout=row.layout, columns=columns)
    return Facts(answer)


def _reasons(request: Request, row: Cells) -> dict[str, str]:
    """What is wrong with the bad cells, in the page's language."""
    words = catalogue(look_of(request).language)
    texts = dict(zip(row.layout.blocks, row.tidy, strict=True))
    return {block: words.gettext(_NO_NUMBER) % {"text": quoted(texts[block])} for block in row.bad}


def _outputs(
    request: Request, sheet: Sheet, row: Cells, fixed: Collection[str], step: str, reasons: Mapping[str, str]
) -> tuple[Outputs | None, str | Said]:
    """The outputs, or why there are none."""
    if row.weights is None:
        block, reason = next(iter(reasons.items()))
        return None, Said(f"{block}: {reason}", look_of(request).language)
    try:
        return sheet.outputs(row.weights, fixed, parse_step(step)), ""
    except BlockweightError as error:
        return None, str(error)


def _columns(sheet: Sheet, row: Cells, fixed: Collection[str], reasons: Mapping[str, str]) -> list[Column]:
    absent = sheet.absent(row.layout)
    return [
        Column(block, text, block in fixed, block in absent, reasons.get(block, ""))
        for block, text in zip(row.layout.blocks, row.tidy, strict=True)
    ]


def _text(name: str, row: Cells) -> str:
    return f"{name}:{','.join(row.tidy)}"


def _cells_of(name: str, sheet: Sheet) -> Cells:
    first = sheet.first()
    return read_cells(name, first.layout, cells_of(first))


def _families(sheet: Sheet) -> list[tuple[str, tuple[Layout, ...]]]:
    """The layouts to choose from, by family: those of the LoRA's, or all."""
    known = FAMILIES if sheet.family is None else (sheet.family,)
    return [(family.title, family.layouts) for family in known if family.layouts]
