"""A comparison from one command: estimate it, plan and render it or go on with it, show its votes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from blockweight.errors import BlockweightError, quoted
from blockweight.render import Renderer
from blockweight.workflow import tuning_text
from blockweight.workflow.comparison import (
    Typed,
    comparison_cost,
    plan_comparison,
    preview_comparison,
    render_comparison,
)
from blockweight.workflow.comparison_text import comparison_facts, comparison_lines, planned_facts
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.tuning_project import TuningProject

_MOST = 10_000


def numbers(text: str) -> tuple[int, ...]:
    """Numbers from 1 from `1,3-5`; none from an empty text. BlockweightError otherwise.

    >>> numbers("1, 3-5")
    (1, 3, 4, 5)
    """
    found: dict[int, None] = {}
    for item in filter(None, re.split(r"[,、\s]+", unicodedata.normalize("NFKC", text).strip())):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", item, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 0 < first <= last < _MOST:
            raise BlockweightError(f"{quoted(item)} is no scene's number or a rising range of them; write 1,3-5.")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


def estimate(tuning: TuningProject, typed: Typed) -> Told:
    """What the comparison would cost, or (without variants) what is left of the latest one."""
    if not typed.variants:
        cost = comparison_cost(tuning)
        return Told({"cost": tuning_text.cost_facts(cost)}, (tuning_text.cost_text(cost),))
    planned = preview_comparison(tuning, typed)
    return Told(planned_facts(planned), (tuning_text.cost_text(planned.cost),))


def run(
    tuning: TuningProject,
    typed: Typed,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    *,
    event_id: str = "",
) -> Told:
    """Plan the comparison and render it, or (without variants) render what the latest one lacks."""
    if typed.variants:
        plan_comparison(tuning, typed, event_id=event_id)
    progress.say(tuning_text.cost_text(comparison_cost(tuning)))
    render_comparison(tuning, make_renderer, progress)
    return show(tuning)


def show(tuning: TuningProject, number: int | None = None) -> Told:
    """A comparison, the latest by default, with its votes."""
    return Told(comparison_facts(tuning, number), tuple(comparison_lines(tuning, number)))
