"""What to do with a budget for an analysis that is asked."""

from __future__ import annotations

from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.budget import Budget, Method, Offer, best_offer
from blockweight.workflow.analysis.costs import in_pictures
from blockweight.workflow.analysis.methods import first_scenes, fits, work_of


def offer_within(budget: Budget, ask: AnalysisAsk, wanted: Method | None, seconds_each: float | None) -> Offer:
    """The method, the `wanted` one where there is one, and how many of the ask's first scenes. `seconds_each` is what a
    picture takes; a budget of pictures needs none. BlockweightError if the budget pays for no method that fits."""
    methods: tuple[Method, ...] = ("eba", "probe") if wanted is None else (wanted,)
    works = {method: work_of(first_scenes(ask, 1), method) for method in methods if fits(ask, method)}
    prices = {method: in_pictures(ask, work) + work.pictures for method, work in works.items()}
    return best_offer(budget.in_pictures(seconds_each or 1.0), len(ask.scenes), works, prices, wanted)
