"""The form in which least weights are asked for: what may be lost, and how far blocks may go down."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.measure import LIMIT, STEP, Budget
from blockweight.workflow.suggest_steps import parse_share
from blockweight.workflow.suggest_view import ShownSuggestion, suggest_at_once
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.weight_sheet import parse_fill

FIRST_FIELDS = {"by": "keep", "keep": "90", "change": "2", "limit": f"{LIMIT:g}", "step": f"{STEP:g}"}
"""The fields and what they hold at first; `by` is `keep` or `change`, `keep` is in percent, `change` in levels."""


def suggest_typed(tuning: TuningProject, typed: Mapping[str, str]) -> int:
    """As `suggest_at_once`, as the form asks for it. BlockweightError too for what cannot be read."""
    limit, step = (parse_fill(typed[name]) for name in ("limit", "step"))
    return suggest_at_once(tuning, _budget(typed), LIMIT if limit is None else limit, STEP if step is None else step)


def fields_for(shown: ShownSuggestion | None) -> dict[str, str]:
    """The fields that ask for this suggestion; those at first without one."""
    if shown is None:
        return dict(FIRST_FIELDS)
    typed = {**FIRST_FIELDS, "limit": f"{shown.limit:g}", "step": f"{shown.step:g}"}
    if shown.keep is not None:
        return {**typed, "by": "keep", "keep": f"{100 * shown.keep:g}"}
    return {**typed, "by": "change", "change": f"{shown.change:g}"}


def _budget(typed: Mapping[str, str]) -> Budget:
    if typed["by"] == "change":
        return Budget(change=parse_fill(typed["change"]) or 0.0)
    return Budget(keep=parse_share(f"{typed['keep'].strip().removesuffix('%')}%"))
