"""A budget for an analysis in a project's scenes: which method fits into it, and how many of the scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from blockweight.errors import BlockweightError
from blockweight.render import Renderer
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.budget import Method, parse_budget
from blockweight.workflow.analysis.offers import offer_within
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_analysis import Wanted, asked_of
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import seconds_each


def within_budget(tuning: TuningProject, wanted: Wanted, budget: str, method: Method | None) -> Wanted:
    """What is wanted, in as many of the project's first scenes as `budget` pays for (`5min`, `64pictures`; empty: in
    all that are wanted), by the given method, or without one by whichever fits.

    BlockweightError for what is no budget, is too small, or is a time where no picture of the project was timed yet.
    """
    wanted = replace(wanted, method=method or "eba")
    if not budget.strip():
        return wanted
    found, each = parse_budget(budget), seconds_each(tuning.project)
    if each is None and found.pictures is None:
        raise BlockweightError(
            "No picture of this project was timed yet, so nobody can say what fits into a time; give the budget in "
            "pictures, as in 64pictures."
        )
    offer = offer_within(found, asked_of(tuning, wanted), method, each)
    return replace(wanted, method=offer.method, scenes=offer.scenes)


def time_a_picture(
    tuning: TuningProject, wanted: Wanted, budget: str, make_renderer: Callable[[], Renderer], progress: Progress
) -> None:
    """Render a first picture where a budget is a time and none was timed yet, so that it can be kept."""
    if parse_budget(budget).pictures is None and seconds_each(tuning.project) is None:
        bench = Bench(tuning.project, make_renderer, progress)
        bench.render("Timing the first picture", [asked_of(tuning, wanted).source(0)])
