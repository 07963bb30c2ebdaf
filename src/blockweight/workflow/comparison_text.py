"""Comparisons in words for a terminal, and as plain values for pages and JSON. What is hidden stays so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockweight.measure import VoteShare, beats_chance, vote_share
from blockweight.project import Comparison, TuningState
from blockweight.weights import display_width, format_weight
from blockweight.workflow import tuning_text
from blockweight.workflow.comparison import Planned, comparison_cost, comparison_grid, find_comparison
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.weight_table import padded


@dataclass(frozen=True)
class Count:
    """A variant's votes: how often it was called best, among all rows that were voted on, and how often worst."""

    label: str
    best: VoteShare
    worst: int


@dataclass(frozen=True)
class Tally:
    """A comparison's votes. `same` rows of those voted on show no difference; `leader` is the variant that was called
    best more often than chance would have it, None where the votes are too few to tell."""

    rows: int
    voted: int
    same: int
    counts: tuple[Count, ...]
    leader: str | None


def tally(comparison: Comparison) -> Tally:
    """The votes that stand, counted."""
    votes, variants = comparison.votes.values(), comparison.variants
    counts = tuple(
        Count(
            variant.label,
            vote_share(sum(vote.best == place for vote in votes), len(votes), len(variants)),
            sum(vote.worst == place for vote in votes),
        )
        for place, variant in enumerate(variants)
    )
    ahead = max(counts, key=lambda count: count.best.count)
    leader = ahead.label if beats_chance(ahead.best, len(variants)) else None
    return Tally(len(comparison.scenes), len(votes), sum(vote.best is None for vote in votes), counts, leader)


def tally_facts(comparison: Comparison) -> dict[str, object]:
    """The counts as plain values; while the labels are hidden only how many rows have a vote."""
    counted = tally(comparison)
    facts: dict[str, object] = {"rows": counted.rows, "voted": counted.voted}
    if comparison.hidden:
        return facts
    shares = [
        {
            "label": count.label,
            "best": count.best.count,
            "low": count.best.low,
            "high": count.best.high,
            "worst": count.worst,
        }
        for count in sorted(counted.counts, key=lambda count: -count.best.count)
    ]
    return {**facts, "same": counted.same, "counts": shares, "leader": counted.leader}


def vote_facts(comparison: Comparison) -> list[dict[str, object]]:
    """The votes that stand, row and places counted from 1 as they are shown."""
    facts: list[dict[str, object]] = []
    for row, vote in sorted(comparison.votes.items()):
        order = comparison.order(row) if comparison.hidden else tuple(range(len(comparison.variants)))
        best, worst = (None if each is None else order.index(each) + 1 for each in (vote.best, vote.worst))
        facts.append({"row": row + 1, "best": best, "worst": worst})
    return facts


def comparison_facts(tuning: TuningProject, number: int | None = None) -> dict[str, object]:
    """A comparison with its grid, cost and votes, as plain values."""
    found = find_comparison(tuning.state(), number)
    return {
        "number": found.number,
        "time": found.time,
        "blind": found.blind,
        "hidden": found.hidden,
        "variants": [
            {
                "label": each.label,
                "weights": None if each.weights is None else weights_facts(each.weights),
                "text": None if each.weights is None else each.weights.text(),
            }
            for each in found.variants
        ],
        "grid": tuning_text.grid_facts(comparison_grid(tuning, found.number)),
        "cost": tuning_text.cost_facts(comparison_cost(tuning, found.number)),
        "votes": vote_facts(found),
        "undo": bool(found.cast) and found.hidden,
        "tally": tally_facts(found) if found.blind else None,
    }


def comparison_lines(tuning: TuningProject, number: int | None = None) -> Iterator[str]:
    """A comparison and its votes for a person."""
    found = find_comparison(tuning.state(), number)
    kind = "blind, labels hidden" if found.hidden else "blind, revealed" if found.blind else "open"
    yield f"Comparison {found.number} ({kind}): {len(found.variants)} variants in {len(found.scenes)} scenes"
    yield f"Pictures: {tuning_text.cost_text(comparison_cost(tuning, found.number))}"
    if not found.hidden:
        yield f"Variants: {', '.join(each.label for each in found.variants)}"
    if found.blind:
        yield from _vote_lines(found)


def planned_facts(planned: Planned) -> dict[str, object]:
    """A comparison that is not begun yet, as plain values: labels, the weights as texts by block, and the cost."""
    variants = [
        {
            "label": each.label,
            "cells": None if each.weights is None else [format_weight(value) for value in each.weights.values],
        }
        for each in planned.variants
    ]
    return {"variants": variants, "scenes": len(planned.scenes), "cost": tuning_text.cost_facts(planned.cost)}


def list_facts(state: TuningState) -> list[dict[str, object]]:
    """Every comparison, the latest first, without what is hidden."""
    return [
        {
            "number": each.number,
            "time": each.time,
            "blind": each.blind,
            "hidden": each.hidden,
            "variants": len(each.variants),
            "labels": [variant.label for variant in each.variants],
            "scenes": len(each.scenes),
            "voted": len(each.votes),
        }
        for each in reversed(state.comparisons)
    ]


def _vote_lines(found: Comparison) -> Iterator[str]:
    counted = tally(found)
    yield f"Votes:    {counted.voted} of {counted.rows} rows"
    if found.hidden:
        yield "          --reveal shows what is what, and closes the votes"
        return
    width = max(display_width(count.label) for count in counted.counts)
    for count in sorted(counted.counts, key=lambda count: -count.best.count):
        label = padded(count.label, width)
        share = f"{100 * count.best.low:.0f}-{100 * count.best.high:.0f} %"
        worst = f", worst {count.worst}" if count.worst else ""
        yield f"          {label}  best {count.best.count} of {counted.voted} (95 % interval {share}){worst}"
    if counted.same:
        yield f"          no difference: {counted.same}"
    if counted.leader is None:
        yield "          Too few votes to tell one from chance."
    else:
        yield f"          {counted.leader} was called best more often than chance would have it."
