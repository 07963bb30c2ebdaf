"""All that the page shows on which a project is tuned, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blockweight.project import Choice, TuningState
from blockweight.weights import format_weight
from blockweight.workflow import tuning_text
from blockweight.workflow.tuning_project import TuningProject, family_of
from blockweight.workflow.tuning_rounds import preview_round, round_cost, round_cover, round_grid
from blockweight.workflow.weight_sheet import Sheet, read_cells


def tune_view(tuning: TuningProject) -> dict[str, object]:
    """The project as it stands, with the open round's grid and cost (None without one), the strip of rounds and the
    steps, oldest first. `cells` are the weights as they are typed, in the layout's order."""
    state = tuning.state()
    open_round = None if state.round is None else round_grid(tuning)
    return {
        **tuning_text.show_facts(state),
        "cells": [format_weight(value) for value in state.weights.values],
        "grid": None if open_round is None else tuning_text.grid_facts(open_round),
        "cost": None if open_round is None else tuning_text.cost_facts(round_cost(tuning)),
        "rounds": round_rows(tuning, state),
        "steps": [tuning_text.step_facts(step, state.subject.layout) for step in state.steps],
    }


def preview_facts(tuning: TuningProject, kind: str, step: float) -> dict[str, object]:
    """What a round of this kind would cost now; BlockweightError as `preview_round`."""
    planned = preview_round(tuning, kind, step)
    variants = sum(each.block is not None for each in planned.plan.variants)
    return {"variants": variants, **tuning_text.cost_facts(planned.cost)}


def pasted_weights(state: TuningState, text: str, cells: Sequence[str], at: str) -> str:
    """The weights, as text, that a paste of `text` into the cell of block `at` makes of a row of `cells`: all of them
    in any notation, or a few numbers from that cell on. BlockweightError for what is neither."""
    layout = state.subject.layout
    sheet = Sheet(Path(state.subject.lora), family_of(state), frozenset(state.subject.blocks))
    return sheet.paste(text, read_cells(state.name, layout, cells), at, name=state.name).weights.text()


def round_rows(tuning: TuningProject, state: TuningState) -> list[dict[str, object]]:
    """The rounds for the strip: what was decided, a picture, and the step to go back to."""
    return [
        {
            **tuning_text.round_step_facts(each),
            "accepted": len(each.round.labels(Choice.ACCEPT)),
            "rejected": len(each.round.labels(Choice.REJECT)),
            "cover": round_cover(tuning.project, state.lora, each),
        }
        for each in state.rounds
    ]
