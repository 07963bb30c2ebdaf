"""Inspect and bake: a LoRA's blocks, what baking would do to them, and the bake with its verification."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from blockweight.errors import BlockweightError
from blockweight.studio.bake_form import recipe_in, typed_in, weights_in
from blockweight.studio.forms import Fields, form, query
from blockweight.studio.library import chosen_lora, library
from blockweight.studio.pages import render
from blockweight.workflow.bake_preview import BakePreview, preview_bake
from blockweight.workflow.baking import ALPHA_READERS, bake_text
from blockweight.workflow.project_bake import bake_facts

router = APIRouter(prefix="/bake")

_KEPT = 50


@dataclass(frozen=True)
class Report:
    """A finished bake, for its page: the report's plain values (`bake_facts`), the source, the new file."""

    facts: Mapping[str, object]
    source: Path
    out: Path


@dataclass
class Reports:
    """The latest bakes of this run, by a name that nobody can guess. The files are what lasts."""

    _kept: dict[str, Report] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, report: Report) -> str:
        """Its name."""
        name = secrets.token_urlsafe(8)
        with self._lock:
            self._kept[name] = report
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return name

    def find(self, name: str) -> Report | None:
        """The report of this name, None if there is none (any more)."""
        return self._kept.get(name)


@router.get("")
def show(request: Request) -> Response:
    """The form for what the address says, and, with a LoRA, what baking would do."""
    return _form(request, typed_in(query(request)))


@router.post("")
def bake(request: Request, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Bake, and go on to the report; where something is wrong, show the form as it was sent, with the reason."""
    typed = typed_in(fields)
    try:
        source = chosen_lora(request, typed["lora"])
        if source is None:
            raise BlockweightError("No LoRA is chosen; choose one from the list.")
        weights = weights_in(typed)
        if not weights.weights.strip():
            raise BlockweightError("There are no block weights to bake; write or paste them.")
        target = library(request).new_path(typed["folder"], typed["file"])
        report, filled = bake_text(source, weights, target, recipe_in(typed), overwrite=bool(typed["overwrite"]))
    except BlockweightError as error:
        return _form(request, typed, str(error), 422)
    kept = Report(bake_facts(report, filled), source, target)
    return RedirectResponse(f"/bake/reports/{request.app.state.reports.keep(kept)}", 303)


@router.get("/reports/{name}")
def report(request: Request, name: str) -> Response:
    """What a bake has made, and how it was verified."""
    found = request.app.state.reports.find(name)
    if found is None:
        raise HTTPException(404)
    again = urlencode({"lora": str(found.source), "weights": str(found.facts["weights"])})
    return render(request, "bake_report.html.j2", report=found.facts, out=found.out, again=f"/bake?{again}")


def _form(request: Request, typed: dict[str, str], error: str = "", status: int = 200) -> Response:
    shelf = library(request)
    preview: BakePreview | None = None
    try:
        lora = chosen_lora(request, typed["lora"])
        if lora is not None:
            preview = preview_bake(lora, weights_in(typed), recipe_in(typed))
    except BlockweightError as refused:
        error = error or str(refused)
    folders = _folders(request, typed["lora"])
    if preview is not None:
        typed = {**typed, "weights": typed["weights"] or preview.weights, "file": typed["file"] or preview.file}
    return render(
        request,
        "bake.html.j2",
        status,
        typed=typed,
        error=error,
        preview=preview,
        loras=shelf.files(),
        folders=folders,
        alpha=ALPHA_READERS,
    )


def _folders(request: Request, lora: str) -> list[str]:
    """Where the new file may go: the LoRA's own folder first, unless it is the program's."""
    shelf = library(request)
    own = [str(file.path.parent) for file in shelf.files() if str(file.path) == lora and not file.embedded]
    return list(dict.fromkeys([*own, *map(str, shelf.folders)]))
