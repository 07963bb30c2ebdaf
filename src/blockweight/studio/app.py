"""The application: the rooms' pages behind the guard, and what happens when one fails."""

from __future__ import annotations

import logging
from importlib import resources

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.studio.door import Door
from blockweight.studio.guard import Guard, TooLargeError
from blockweight.studio.pages import Facts, error_page, look_of, refusal
from blockweight.studio.projects import Desk
from blockweight.studio.routes import (
    analyse,
    bake,
    compare,
    home,
    new_project,
    overview,
    plots,
    presets,
    project,
    publish,
    publish_metadata,
    search,
    settings,
    suggest,
    transfer,
    tune,
    weights,
)

_log = logging.getLogger("blockweight.studio")


def make_app(door: Door, desk: Desk) -> ASGIApp:
    """The whole application, guarded. The desk, which whoever made it closes, has the projects."""
    app = FastAPI(title="Blockweight", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.state.reports = bake.Reports()
    rooms = (home, weights, bake, settings, new_project, overview, project, analyse, tune, compare, publish)
    for room in (*rooms, plots, publish_metadata, presets, suggest, transfer, search):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=str(resources.files("blockweight.studio") / "static")))
    app.add_exception_handler(BlockweightError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _nowhere)
    app.add_exception_handler(Exception, _broken)
    return Guard(app, door, error_page)


async def _refused(request: Request, error: Exception) -> Response:
    status = 413 if isinstance(error, TooLargeError) else 503 if isinstance(error, UnavailableError) else 422
    return _answer(request, status, str(error))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _answer(request, status, "")


async def _nowhere(request: Request, _: Exception) -> Response:
    """An address with words where numbers belong, or with a part left out, leads nowhere."""
    return _answer(request, 404, "")


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("A page failed: %s", request.url.path, exc_info=error)
    return _answer(request, 500, "")


def _answer(request: Request, status: int, sentence: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        page = error_page(request.headers, status, sentence)
        return Response(page, status, {"cache-control": "no-store"}, media_type="text/html; charset=utf-8")
    told = refusal(look_of(request), sentence or f"The studio answered {status}.")
    return Facts({"error": told.text, "lang": told.lang}, status)
