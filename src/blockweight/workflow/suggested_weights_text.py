"""Suggested weights in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from blockweight.measure import NOISE_FLOOR, LeastWeight, LeastWeights, LoweredFigures, Mean, PredictionError, Why
from blockweight.weights import format_weight, plain_number
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.suggest_weights import RenderedSuggestion, SuggestedWeights

OF_THESE_SCENES = (
    "These intervals are of these scenes: a leap that none of them shows, which the blocks' own allow for, is not in "
    "them."
)


def suggested_lines(suggested: SuggestedWeights) -> Iterator[str]:
    """The blocks in the order in which they were lowered, with reasons; what the pictures will show; the weights."""
    plan, found = suggested.plan, suggested.found
    yield f"Analysis: {analysis_text(suggested)}"
    yield f"Budget:   {budget_text(suggested)}"
    yield ""
    head = ("block", "weight", "inside", "outside", "why")
    rows = [head, *(_row(each, suggested) for each in found.blocks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    for row in rows:
        told = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
        yield "  ".join([*told, row[-1]]).rstrip()
    yield ""
    yield "Predicted, by adding up the blocks' own effects (nothing is rendered with these weights yet):"
    yield from (f"  {name:<28} {told}" for name, told in figures_texts(suggested.predicted))
    yield f"  {bound_text(found)}"
    yield f"  {OF_THESE_SCENES}"
    if found.unsettled:
        stay = f"so left at {format_weight(plan.base)}: {', '.join(found.unsettled)}"
        yield f"Not settled by {len(plan.scenes)} scenes, {stay}"
    if found.stretched:
        yield (
            f"Below {format_weight(plan.value)}, where nothing was measured and the effect is drawn on in a straight "
            f"line: {', '.join(found.stretched)}"
        )
    yield f"Weights:  {suggested.weights.text()}"


def rendered_lines(suggested: SuggestedWeights, rendered: RenderedSuggestion) -> Iterator[str]:
    """What was predicted beside what was rendered."""
    told = list(zip(figures_texts(suggested.predicted), figures_texts(rendered.figures), strict=False))
    rows = [("", "predicted", "rendered"), *((name, first, second) for (name, first), (_, second) in told)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for row in rows:
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip()
    yield error_text(rendered)


def analysis_text(suggested: SuggestedWeights) -> str:
    """What the weights were made from."""
    plan = suggested.plan
    return (
        f"each block at {format_weight(plan.value)}, the others at {format_weight(plan.base)}, in {len(plan.scenes)} "
        f"scenes; inside is {suggested.region}"
    )


def budget_text(suggested: SuggestedWeights) -> str:
    """What lowering may cost."""
    budget = suggested.found.budget
    weights = f"; no weight below {format_weight(suggested.limit)}, in steps of {format_weight(suggested.step)}"
    if budget.keep is not None:
        return f"keep at least {_percent(budget.keep)} of what the LoRA does inside{weights}"
    return f"change at most {budget.change:g} levels inside{weights}"


def figures_texts(figures: LoweredFigures) -> Iterator[tuple[str, str]]:
    """What pictures show: a name, and the mean with its interval."""
    if figures.kept is not None:
        yield "kept inside", share_text(figures.kept)
    if figures.gone is not None:
        yield "gone outside", share_text(figures.gone)
    yield "changed inside", _levels(figures.inside)
    yield "changed outside", _levels(figures.outside)


def share_text(share: Mean) -> str:
    """`93 % (91 to 95)`."""
    (low, high), mean = share.interval, _percent(share.mean)
    return mean if math.isinf(low) else f"{mean} ({round(100 * low)} to {round(100 * high)})"


def bound_text(found: LeastWeights) -> str:
    """What the weights cost if no block's loss makes up for another's."""
    if found.budget.keep is not None:
        return f"if every block's loss, at its worst, added up: {_percent(1 - found.bound)} kept inside"
    return f"if every block's change, at its largest, added up: {found.bound:.1f} levels inside"


def error_text(rendered: RenderedSuggestion) -> str:
    """How far the predicted pictures are from the rendered ones."""
    return (
        f"The predicted pictures are {_levels(rendered.error.inside)} inside and {_levels(rendered.error.outside)} "
        "outside from the rendered ones."
    )


def reason_text(each: LeastWeight, suggested: SuggestedWeights) -> str:
    """Why a block has its weight."""
    times = f"{each.ratio:.1f} times as much outside as inside"
    return {
        Why.HELD: "fixed",
        Why.UNSETTLED: f"not settled by {len(suggested.plan.scenes)} scenes (floor {NOISE_FLOOR:g} levels)",
        Why.NOTHING: "changes nothing that can be seen",
        Why.LOWERED: f"does {times}",
        Why.PARTLY: f"does {times}; lower would cost more than the budget",
        Why.NEAREST: f"does {times}; lower would bring the rest no nearer to the picture without the LoRA",
        Why.SPENT: f"does {times}; the budget is spent",
        Why.ASTRAY: f"does {times}, but lowering it brings the rest no nearer to the picture without the LoRA",
        Why.INSIDE_ONLY: "does nothing outside that the scenes settle, so lowering it would only cost",
    }[each.why]


def suggested_facts(suggested: SuggestedWeights, rendered: RenderedSuggestion | None = None) -> dict[str, object]:
    """The suggestion as plain values; an interval without an end is null."""
    plan, found = suggested.plan, suggested.found
    facts: dict[str, object] = {
        **settings_facts(suggested),
        "region": suggested.region,
        "scenes": [{"label": scene.label, "seed": scene.seed} for scene in plan.scenes],
        "weights": {**weights_facts(suggested.weights), "text": suggested.weights.text()},
        "blocks": [_block_facts(each, suggested) for each in found.blocks],
        "unsettled": list(found.unsettled),
        "stretched": list(found.stretched),
        "bound": found.bound,
        "predicted": _figures_facts(suggested.predicted),
    }
    if rendered is not None:
        facts |= {"rendered": _figures_facts(rendered.figures), "error": _error_facts(rendered.error)}
    return facts


def settings_facts(suggested: SuggestedWeights) -> dict[str, object]:
    """What decides the suggestion."""
    budget = suggested.found.budget
    return {
        "analysis": suggested.plan.number,
        "keep": budget.keep,
        "change": budget.change,
        "limit": plain_number(suggested.limit),
        "step": plain_number(suggested.step),
        "held": {block: plain_number(weight) for block, weight in suggested.held.items()},
    }


def mean_facts(mean: Mean | None) -> dict[str, object] | None:
    """A mean as plain values."""
    if mean is None:
        return None
    low, high = (end if math.isfinite(end) else None for end in mean.interval)
    return {"mean": mean.mean, "low": low, "high": high, "samples": list(mean.samples)}


def _row(each: LeastWeight, suggested: SuggestedWeights) -> tuple[str, str, str, str, str]:
    reason = reason_text(each, suggested)
    return each.block, format_weight(each.weight), each.inside.text(), each.outside.text(), reason


def _block_facts(each: LeastWeight, suggested: SuggestedWeights) -> dict[str, object]:
    return {
        "block": each.block,
        "weight": plain_number(each.weight),
        "why": each.why.value,
        "reason": reason_text(each, suggested),
        "inside_text": each.inside.text(),
        "outside_text": each.outside.text(),
        "inside": list(each.inside.samples),
        "outside": list(each.outside.samples),
        "ratio": each.ratio,
        "loss": mean_facts(each.loss),
    }


def _figures_facts(figures: LoweredFigures) -> Mapping[str, object]:
    means = {"kept": figures.kept, "gone": figures.gone, "inside": figures.inside, "outside": figures.outside}
    return {name: mean_facts(mean) for name, mean in means.items()}


def _error_facts(error: PredictionError) -> Mapping[str, object]:
    return {"inside": mean_facts(error.inside), "outside": mean_facts(error.outside)}


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _levels(mean: Mean) -> str:
    low, high = mean.interval
    return f"{mean.mean:.1f} levels" if math.isinf(low) else f"{mean.mean:.1f} levels ({max(low, 0):.1f} to {high:.1f})"
