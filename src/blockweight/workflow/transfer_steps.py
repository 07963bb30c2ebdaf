"""A transfer from one command: its cost, or the whole of it with its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.render import Renderer
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.transfer import TransferAsked, plan_transfer, run_transfer, transfer_cost, unmasked
from blockweight.workflow.transfer_page import write_transfer
from blockweight.workflow.transfer_text import transfer_facts, transfer_lines
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_text import cost_facts, cost_text


def parse_masks(texts: Sequence[str]) -> dict[str, Path]:
    """`FILE` (for all groups) and `GROUP=FILE`, by group. BlockweightError for two of one group, and an empty one."""
    found: dict[str, Path] = {}
    for text in texts:
        kind, sign, file = text.partition("=")
        if not sign or Path(text).is_file():
            kind, file = "", text
        kind = kind.strip().lower()
        if not file:
            raise BlockweightError(f"{quoted(text)} names no mask; give a file, or GROUP=FILE.")
        if kind in found:
            raise BlockweightError(f"Two masks were given for {kind or 'all groups'}; give one.")
        found[kind] = Path(file)
    return found


def estimate(tuning: TuningProject, asked: TransferAsked) -> Told:
    """What it would cost; nothing is begun."""
    plan = plan_transfer(tuning, asked)
    cost = transfer_cost(tuning, plan)
    groups = ", ".join(f"{group.name} ({len(group.scenes)} scenes)" for group in plan.groups)
    bare = unmasked(plan, asked)
    told = [] if not bare else [
        f"No mask of home's for {', '.join(bare)}: home has several, and nobody knows which fits; whole pictures are "
        "compared."
    ]  # fmt: skip
    return Told({"cost": cost_facts(cost)}, (f"Groups: {groups}", *told, cost_text(cost)))


def run(tuning: TuningProject, asked: TransferAsked, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    """Render and measure, and write the table and a page; after a stop the same again goes on."""
    transfer = run_transfer(tuning, plan_transfer(tuning, asked), make_renderer, progress)
    files = write_transfer(tuning, transfer)
    lines = (*transfer_lines(transfer), f"Page:    {files[-1]}")
    return Told({**transfer_facts(transfer), "files": [str(file) for file in files]}, lines)
