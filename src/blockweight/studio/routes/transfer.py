"""Elsewhere: whether the weights hold on other seeds, prompts and checkpoints, as the latest transfer found."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from blockweight.errors import BlockweightError
from blockweight.studio.pages import project_page
from blockweight.studio.projects import Opened
from blockweight.workflow.transfer_view import ShownTransfer, latest_transfer

router = APIRouter(prefix="/projects/{identity}/transfer")


@router.get("")
def page(request: Request, found: Opened) -> Response:
    """The table of the latest transfer, and the command that makes one."""
    shown: ShownTransfer | None = None
    error = ""
    try:
        shown = latest_transfer(found.tuning)
    except BlockweightError as refused:
        error = str(refused)
    return project_page(request, found, "transfer.html.j2", shown=shown, error=error)
