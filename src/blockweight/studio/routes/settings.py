"""Settings: folders, language, theme."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.studio.forms import Fields, form
from blockweight.studio.pages import PREFERENCES, render
from blockweight.studio.projects import desk_of
from blockweight.workflow.projects_folder import projects_folder
from blockweight.workflow.renderers import check_server
from blockweight.workflow.scenes import typed_errors
from blockweight.workflow.settings import (
    DEVICES,
    PRECISIONS,
    Settings,
    folder_to_be,
    folders_of,
    load_settings,
    save_settings,
    settings_file,
)

router = APIRouter(prefix="/settings")


@router.get("")
def show(request: Request, saved: bool = False) -> Response:
    """The form with what is set."""
    settings = load_settings()
    typed = {"models": _lines(settings.models), "loras": _lines(settings.loras)}
    typed |= {"projects": "" if settings.projects is None else str(settings.projects), "renderer": settings.renderer}
    chosen = {"language": settings.language, "theme": settings.theme, "device": settings.device}
    chosen["precision"] = settings.precision
    return _form(request, typed, chosen, saved=saved)


@router.post("")
def save(request: Request, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Keep the settings; where something is wrong, show the form as it was sent, with the reason."""
    typed = {name: fields.one(name) for name in ("models", "loras", "projects", "renderer")}
    chosen = {name: fields.one(name) for name in ("language", "theme", "device", "precision")}
    typed["renderer"] = typed["renderer"].strip()
    errors = typed_errors(
        typed, {"models": folders_of, "loras": folders_of, "projects": folder_to_be, "renderer": check_server}
    )
    if errors:
        # A password that was typed into the address is not sent back.
        shown = {**typed, "renderer": ""} if "renderer" in errors else typed
        return _form(request, shown, chosen, errors=errors, status=422)
    models, loras = folders_of(typed["models"]), folders_of(typed["loras"])
    save_settings(
        Settings(models, loras, projects=folder_to_be(typed["projects"]), renderer=typed["renderer"], **chosen)
    )
    answer = RedirectResponse("/settings?saved=1", 303)
    for name in PREFERENCES:  # what is set for good takes the place of the switches
        answer.delete_cookie(name, httponly=True, samesite="strict")
    return answer


def _form(
    request: Request,
    typed: dict[str, str],
    chosen: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    saved: bool = False,
    status: int = 200,
) -> Response:
    return render(
        request,
        "settings.html.j2",
        status,
        typed=typed,
        chosen=chosen,
        errors=errors or {},
        saved=saved,
        place=str(settings_file()),
        usual=str(projects_folder(Settings())),
        devices=DEVICES,
        precisions=PRECISIONS,
        renderer=desk_of(request).renders.renderer,
    )


def _lines(paths: tuple[object, ...]) -> str:
    return "".join(f"{path}\n" for path in paths)
