"""All that the page shows on which weights are compared, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.project import FIXED, SCENES, TuningState
from blockweight.weights import format_weight
from blockweight.weights.default_presets import default_presets
from blockweight.workflow import tuning_text
from blockweight.workflow.comparison import Typed, preview_comparison, read_variant
from blockweight.workflow.comparison_text import comparison_facts, list_facts, planned_facts
from blockweight.workflow.hint_table import load_hints
from blockweight.workflow.tuning_project import TuningProject

MOST_STEPS = 60
"""How many of the latest steps are offered."""


@dataclass(frozen=True)
class Choice:
    """A variant to choose from a list: the text that `read_variant` takes, and what a person reads."""

    text: str
    title: str


@dataclass(frozen=True)
class Choices:
    """The variants to choose from: presets, hints, and steps of the history, the latest first; `usual` are those that
    one wants to see most often, as `read_variant` takes them."""

    presets: tuple[Choice, ...]
    hints: tuple[Choice, ...]
    steps: tuple[Choice, ...]
    usual: tuple[str, ...]


def compare_view(tuning: TuningProject, number: int | None = None) -> dict[str, object]:
    """The comparison of this number (None: the latest, if there is any), and a list of all. BlockweightError for a
    number that there is not."""
    state = tuning.state()
    shown = comparison_facts(tuning, number) if state.comparisons or number is not None else None
    return {"version": state.version, "comparisons": list_facts(state), "comparison": shown}


def variant_choices(state: TuningState) -> Choices:
    """What there is to choose from, beside weights that are typed."""
    layout = state.subject.layout
    presets = tuple(Choice(preset.name, preset.name) for preset in default_presets(layout))
    hints = tuple(
        Choice(f"hint {hint.name}", hint.name)
        for hint in load_hints().hints
        if hint.weights.layout.family == layout.family
    )
    # Before anything is tuned, the current weights are those of ALL, and nothing is compared with itself.
    tuned = any(state.weights.weight(block) != 1 for block in state.subject.blocks)
    usual = ("no LoRA", "ALL", "current") if tuned else ("no LoRA", "current")
    return Choices(presets, hints, tuple(_steps(state))[:MOST_STEPS], usual)


def preview_facts(tuning: TuningProject, typed: Typed) -> dict[str, object]:
    """Every variant as it would be, or why it cannot be read, and the cost of all; None, with the reason, where the
    comparison cannot be begun."""
    rows: list[dict[str, object]] = []
    for number, text in enumerate(typed.variants, 1):
        try:
            variant = read_variant(tuning, text, fill=typed.fill, book=typed.book, name=f"weights {number}")
        except BlockweightError as error:
            rows.append({"label": "", "cells": None, "error": str(error)})
        else:
            cells = None if variant.weights is None else [format_weight(value) for value in variant.weights.values]
            rows.append({"label": variant.label, "cells": cells, "error": ""})
    try:
        planned = planned_facts(preview_comparison(tuning, typed))
    except BlockweightError as error:
        return {"variants": rows, "cost": None, "error": str(error)}
    return {"variants": rows, "cost": planned["cost"], "error": ""}


def _steps(state: TuningState) -> Iterator[Choice]:
    for step in reversed(state.steps):
        if step.kind not in {FIXED, SCENES}:  # these leave the weights alone
            yield Choice(f"step {step.number}", f"{step.number}: {tuning_text.step_text(step, state.subject.layout)}")
