"""Settings: folders, language, theme."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.forms import Fields, form
from blockweight.studio.pages import PREFERENCES, render
from blockweight.workflow.settings import Settings, folders_of, load_settings, save_settings, settings_file

router = APIRouter(prefix="/settings")


@router.get("")
def show(request: Request, saved: bool = False) -> Response:
    """The form with what is set."""
    settings = load_settings()
    typed = {"models": _lines(settings.models), "loras": _lines(settings.loras)}
    return _form(request, typed, settings.language, settings.theme, saved=saved)


@router.post("")
def save(request: Request, fields: Annotated[Fields, Depends(form)]) -> Response:
    """Keep the settings; where something is wrong, show the form as it was sent, with the reason."""
    typed = {name: fields.one(name) for name in ("models", "loras")}
    language, theme = fields.one("language"), fields.one("theme")
    errors: dict[str, str] = {}
    folders = {}
    for name, text in typed.items():
        try:
            folders[name] = folders_of(text)
        except BlockweightError as error:
            errors[name] = str(error)
    if errors:
        return _form(request, typed, language, theme, errors=errors, status=422)
    save_settings(Settings(**folders, language=language, theme=theme))
    answer = RedirectResponse("/settings?saved=1", 303)
    for name in PREFERENCES:  # what is set for good takes the place of the switches
        answer.delete_cookie(name, httponly=True, samesite="strict")
    return answer


def _form(
    request: Request,
    typed: dict[str, str],
    language: str,
    theme: str,
    *,
    errors: dict[str, str] | None = None,
    saved: bool = False,
    status: int = 200,
) -> Response:
    chosen = {"language": language, "theme": theme}
    place = str(settings_file())
    return render(
        request, "settings.html.j2", status, typed=typed, chosen=chosen, errors=errors or {}, saved=saved, place=place
    )


def _lines(paths: tuple[object, ...]) -> str:
    return "".join(f"{path}\n" for path in paths)
