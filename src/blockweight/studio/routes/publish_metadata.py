"""The metadata of what a project publishes: a form, the difference before it is written, a cover cut from a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.forms import Fields, form
from blockweight.studio.library import project_library
from blockweight.studio.pages import project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.workflow.lora_metadata import PlannedEdit, Saving
from blockweight.workflow.metadata_files import plan_undo
from blockweight.workflow.metadata_form import TypedMetadata, cover_pictures, metadata_form, plan_form
from blockweight.workflow.places import lora_place
from blockweight.workflow.project_bake import bake_path, find_bake

router = APIRouter(prefix="/projects/{identity}/bake/metadata")

ORIGINAL = "original"
"""What the address says for the project's own LoRA, in the place of a bake's number."""

NO_COVER = "none"
"""What the form says in the place of a picture's key to take the cover out."""

_BOXES = ("keep_texts", "in_description", "modelspec", "force", "large", "no_stamp", "no_undo", "keep_mtime")
_TEXTS = ("cover", "crop", "recommended", "fill", "others", "remove")


@router.get("/{which}")
def page(request: Request, found: Opened, which: str, done: str = "") -> Response:
    """The form with what stands in the file; `done` says what was just written."""
    return _form(request, found, which, None, done=done)


@router.post("/{which}")
def change(request: Request, found: Opened, which: str, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Show the difference that the form makes, write it (`do` is write), or take the latest edit back (undo)."""
    path = _file(found, which)
    try:
        if fields.one("do") == "undo":
            plan_undo(path).write()
            return RedirectResponse(found.path(f"bake/metadata/{which}?done=undone"), 303)
        planned = plan_form(path, _typed(found, fields), _saving(fields))
        if fields.one("do") != "write":
            return _form(request, found, which, fields, planned=planned, shown=True)
        if planned is not None:
            planned.write()
    except BlockweightError as error:
        return _form(request, found, which, fields, str(error), status=422)
    return RedirectResponse(found.path(f"bake/metadata/{which}?done=written"), 303)


def _file(found: OpenProject, which: str) -> Path:
    """The file, which lies in the project's folder or one of the settings. BlockweightError otherwise."""
    if which == ORIGINAL:
        path: Path | None = lora_place(found.tuning.log)
    elif which.isascii() and which.isdigit() and len(which) < 16:
        state = found.tuning.state()
        path = bake_path(state, find_bake(state, int(which)))
    else:
        raise BlockweightError(f"{quoted(which)} is no bake's number; open one from the project's page.")
    if path is None:
        raise BlockweightError("The file was baked on another machine, so it is not here; bake it again.")
    return project_library(found.tuning.folder).change_path(str(path))


def _typed(found: OpenProject, fields: Fields) -> TypedMetadata:
    key = fields.one("cover")
    chosen = key not in {"", NO_COVER}
    picture = found.tuning.project.pictures.find(key) if chosen else None
    if chosen and picture is None:
        raise BlockweightError(f"{quoted(key)} is no picture of the project; choose one from the list.")
    names = [*fields.every("key")]
    texts = [*fields.every("text")]
    if len(names) != len(texts):
        raise BlockweightError("The form's fields cannot be read; load the page anew.")
    return TypedMetadata(
        dict(zip(names, texts, strict=True)),
        picture,
        key == NO_COVER,
        fields.one("crop"),
        fields.has("keep_texts"),
        fields.one("recommended"),
        fields.one("fill"),
        in_description=fields.has("in_description"),
        modelspec=fields.has("modelspec"),
        others=fields.one("others"),
        remove=fields.one("remove"),
        force=fields.has("force"),
    )


def _saving(fields: Fields) -> Saving:
    return Saving(
        large=fields.has("large"),
        stamp=not fields.has("no_stamp"),
        undo=not fields.has("no_undo"),
        keep_mtime=fields.has("keep_mtime"),
    )


def _form(
    request: Request,
    found: OpenProject,
    which: str,
    fields: Fields | None,
    error: str = "",
    *,
    planned: PlannedEdit | None = None,
    shown: bool = False,
    done: str = "",
    status: int = 200,
) -> Response:
    path = _file(found, which)
    now = metadata_form(path)
    typed: dict[str, object] = dict.fromkeys(_TEXTS, "") | dict.fromkeys(_BOXES, False)
    texts = {field.key: field.text for field in (*now.editor, *now.modelspec)}
    typed["recommended"] = now.recommended
    if fields is not None:
        typed = {name: fields.one(name) for name in _TEXTS} | {name: fields.has(name) for name in _BOXES}
        texts |= dict(zip(fields.every("key"), fields.every("text"), strict=False))
    return project_page(
        request,
        found,
        "project_metadata.html.j2",
        status,
        which=which,
        now=now,
        typed=typed,
        texts=texts,
        error=error,
        lines=[] if planned is None else planned.lines(),
        hints=() if planned is None else planned.hints,
        shown=shown,
        done=done,
        pictures=cover_pictures(found.tuning),
        weights=found.tuning.state().weights.text(),
    )
