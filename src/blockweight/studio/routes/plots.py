"""Plots of anything: put together by drag and drop, rendered, looked at, and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from blockweight.studio.forms import json_object
from blockweight.studio.guard import framed_headers
from blockweight.studio.pages import Facts, cost_words, look_of, project_page, told
from blockweight.studio.plot_form import typed_plot_of
from blockweight.studio.plot_words import group_words, help_words, plot_words
from blockweight.studio.projects import Opened, OpenProject
from blockweight.studio.uploads import small_upload
from blockweight.workflow.compare_view import variant_choices
from blockweight.workflow.plots.begun import plot_download
from blockweight.workflow.plots.builder import read_builder
from blockweight.workflow.plots.input_pictures import add_picture
from blockweight.workflow.plots.palette import KINDS, Palette, listed, palette_of
from blockweight.workflow.plots.view import plot_page, plots_view, preview_facts

router = APIRouter(prefix="/projects/{identity}/compare/plots")


@router.get("")
def page(request: Request, found: Opened, number: int | None = None) -> Response:
    """The builder, and the plot of this number, or the latest."""
    state = found.tuning.state()
    palette = palette_of(found.tuning)
    language = look_of(request).language
    return project_page(
        request,
        found,
        "plots.html.j2",
        view=_view(request, found, number),
        palette=_palette_facts(palette, language),
        choices=variant_choices(state),
        blocks=", ".join(state.subject.blocks[1:4]),
        scenes=state.scenes,
    )


@router.get("/view")
def view(request: Request, found: Opened, number: int | None = None) -> Facts:
    """What is there of the plots, anew."""
    return Facts(_view(request, found, number))


@router.post("/preview")
def preview(request: Request, found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """What was read of every chip, and what the plot would cost, in words."""
    built = read_builder(found.tuning, typed_plot_of(data), palette_of(found.tuning))
    facts = preview_facts(built, found.tuning)
    chips = [
        [{"labels": chip.labels, "empty": chip.empty, **_error(request, chip.error)} for chip in slot]
        for slot in built.chips
    ]
    words = "" if facts["cost"] is None else cost_words(request, facts["cost"])
    return Facts({**facts, "chips": chips, "text": words, **_error(request, built.error)})


@router.post("/pictures")
def picture(found: Opened, data: Annotated[bytes, Depends(small_upload)], name: str = "") -> Facts:
    """Keep the picture in the body for the project's plots; the answer is the choice that it is now."""
    path = add_picture(found.tuning.folder, data, name)
    return Facts({"value": str(path), "name": path.name})


@router.get("/{number}/page")
def shown(request: Request, found: Opened, number: int) -> Response:
    """The page of a plot: its own world, which a page of ours frames."""
    text = plot_page(found.tuning, number, found.path("pictures"), look_of(request).language)
    return HTMLResponse(text, headers={"cache-control": "no-store", **framed_headers(text)})


@router.get("/{number}/plot.{output}")
def download(found: Opened, number: int, output: Literal["png", "webp", "pdf"]) -> Response:
    """A plot as one file: a picture, a document, or a zip of its pages."""
    path = plot_download(found.tuning, number, output)
    name = f"{path.parent.name}{path.suffix}"
    return FileResponse(path, headers={"cache-control": "no-store"}, filename=name)


def _view(request: Request, found: OpenProject, number: int | None) -> dict[str, object]:
    facts = plots_view(found.tuning, number)
    plot = facts["shown"]
    if isinstance(plot, dict):
        facts["left"] = cost_words(request, plot["cost"])
    return facts


def _error(request: Request, sentence: str) -> dict[str, str]:
    said = told(request, sentence)
    return {"error": said["text"], "lang": said["lang"]}


def _palette_facts(palette: Palette, language: str) -> dict[str, object]:
    """The palette for the page's script: groups of kinds, and what can be chosen."""
    titles, groups = plot_words(language), group_words(language)
    kinds = [
        {
            "name": kind.name,
            "title": titles[kind.name],
            "group": kind.group,
            "editor": kind.editor,
            "first": kind.first,
            "help": help_words(language, kind.name, kind.editor),
        }
        for kind in KINDS
    ]
    files = {
        name: [{"value": each.value, "name": each.name} for each in offered]
        for name, offered in (
            ("lora", palette.loras),
            ("model", palette.models),
            ("vae", palette.vaes),
            ("picture", palette.pictures),
        )
    }
    lists = {name: [{"value": each, "name": each} for each in values] for name, values in listed().items()}
    return {"groups": list(groups.items()), "kinds": kinds, "files": files, "lists": lists}
