"""Elsewhere: whether the weights hold on other seeds, prompts and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from blockweight.errors import BlockweightError
from blockweight.studio.forms import json_object
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.pages import Facts, cost_words, look_of, page_text, project_page
from blockweight.studio.projects import Opened, OpenProject
from blockweight.studio.transfer_form import typed_of
from blockweight.workflow.transfer import TransferAsked, plan_transfer, transfer_cost, unmasked
from blockweight.workflow.transfer_form import FIRST_SEEDS, asked_transfer, transfer_choices, transfer_command
from blockweight.workflow.transfer_view import begun_transfer, latest_transfer, transfer_file
from blockweight.workflow.tuning_text import cost_facts

router = APIRouter(prefix="/projects/{identity}/transfer")


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The form, the transfer that is begun, and the table of the latest one."""
    return project_page(
        request,
        found,
        "transfer.html.j2",
        view=_view(request, found),
        choices=transfer_choices(found.tuning),
        first_seeds=FIRST_SEEDS,
        command=transfer_command(TransferAsked(seeds=FIRST_SEEDS)),
    )


@router.get("/view")
def view(request: Request, found: Opened) -> Facts:
    """What the page shows below its form, anew: two parts of it as they stand there, and what is left to render."""
    return Facts(_view(request, found))


@router.post("/cost")
def cost(request: Request, found: Opened, data: Annotated[Mapping[str, object], Depends(json_object)]) -> Facts:
    """What the transfer that the form asks for would cost, in words, and the same as a command."""
    asked = asked_transfer(found.tuning, typed_of(data))
    plan = plan_transfer(found.tuning, asked)
    groups = [(group.name, len(group.scenes)) for group in plan.groups]
    words = cost_words(request, cost_facts(transfer_cost(found.tuning, plan)))
    text = _part(request, found, "transfer_cost.html.j2", cost=words, groups=groups, bare=unmasked(plan, asked))
    # The script shows both as text.
    return Facts({"text": unescape(text), "command": transfer_command(asked)})


@router.get("/{folder}/{name}")
def file(found: Opened, folder: str, name: str) -> Response:
    """A file of a transfer: its page, which holds all that it shows and may reach nothing else, or its table."""
    path = transfer_file(found.tuning, folder, name)
    headers = {"cache-control": "no-store"}
    if name.endswith(".html"):
        return FileResponse(path, headers={**headers, "content-security-policy": REPORT_POLICY}, media_type="text/html")
    return FileResponse(path, headers=headers, filename=name)


def _view(request: Request, found: OpenProject) -> dict[str, object]:
    state, begun = found.tuning.state(), begun_transfer(found.tuning)
    shown, error = None, ""
    try:
        shown = latest_transfer(found.tuning)
    except BlockweightError as refused:
        error = str(refused)
    return {
        "version": state.version,
        "begun": "" if begun is None else _part(request, found, "transfer_begun.html.j2", begun=begun),
        "left": "" if begun is None else cost_words(request, cost_facts(begun.cost)),
        "found": _part(request, found, "transfer_found.html.j2", shown=shown, error=error, begun=begun),
    }


def _part(request: Request, found: OpenProject, template: str, **values: object) -> str:
    return page_text(look_of(request), template, place=found.path(), **values).strip()
