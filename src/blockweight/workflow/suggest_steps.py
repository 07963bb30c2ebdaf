"""Weight suggestions from one command: made, shown, rendered, applied."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import LIMIT, STEP, Budget
from blockweight.render import Renderer
from blockweight.weights import parse_weight
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.suggest_weights import apply_suggested, render_suggested, suggest_weights
from blockweight.workflow.suggested_weights_page import write_suggested
from blockweight.workflow.suggested_weights_text import rendered_lines, suggested_facts, suggested_lines
from blockweight.workflow.tuning_project import TuningProject

KEEP = "90%"
"""What is kept unless somebody says otherwise."""


def parse_share(text: str) -> float:
    """`90%` or `0.9` → 0.9; BlockweightError for what is no number, and a share that is not between 0 and 1."""
    plain = unicodedata.normalize("NFKC", text).strip()
    try:
        share = parse_weight(plain.removesuffix("%").rstrip()) / (100 if plain.endswith("%") else 1)
    except BlockweightError:
        share = 0.0
    if not 0 < share < 1:
        raise BlockweightError(f"{quoted(text)} is no share to keep; write it as 90% or 0.9, between 0 and 1.")
    return share


def budget_of(keep: str | None, change: float | None) -> Budget:
    """What lowering may cost, as it was typed. BlockweightError for both, and what cannot be read."""
    if keep is not None and change is not None:
        raise BlockweightError("--keep and --change are two ways to say what lowering may cost; give one of them.")
    return Budget(change=change) if change is not None else Budget(keep=parse_share(KEEP if keep is None else keep))


def suggest(
    tuning: TuningProject,
    budget: Budget,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    *,
    limit: float = LIMIT,
    step: float = STEP,
    render: bool = False,
    apply: bool = False,
    event_id: str = "",
) -> Told:
    """Suggest the least weights and write the predicted pictures; then, if asked, render them and compare, and set the
    project's weights to them."""
    suggested = suggest_weights(tuning, budget, limit, step, make_renderer, progress)
    files = write_suggested(tuning, suggested)
    lines = [*suggested_lines(suggested), f"Page:     {files[-2]}"]
    rendered = None
    if render:
        rendered = render_suggested(tuning, suggested, make_renderer, progress)
        write_suggested(tuning, suggested, rendered)
        lines += ["", *rendered_lines(suggested, rendered)]
    if apply:
        apply_suggested(tuning, suggested, event_id=event_id)
        lines.append("The project's weights are set to these; 'blockweight tune undo' takes them back.")
    facts = {**suggested_facts(suggested, rendered), "files": [str(file) for file in files], "applied": apply}
    return Told(facts, tuple(lines))
