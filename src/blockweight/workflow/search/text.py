"""A search in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blockweight.measure import Wish, parse_wishes, segments_text
from blockweight.project import SearchChoice, SearchPlan, SearchReference, Span, spans_facts
from blockweight.weights import format_weight
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.tuning_text import block_text

_SAMPLERS = {"gp": "a Gaussian process", "tpe": "TPE", "nsga2": "NSGA-II"}


def asked_lines(plan: SearchPlan) -> Iterator[str]:
    """What is searched for, where, and how."""
    weights = ", ".join(map(format_weight, plan.grid)) or "any weight from {} to {}".format(
        *map(format_weight, plan.limits)
    )
    sampler = _SAMPLERS[plan.sampler]
    yield f"Search for: {plan.wishes}"
    yield f"Scenes:     {len(plan.scenes)} to search in, {len(plan.held)} held out (seeds {_seeds(plan)})"
    yield f"Segments:   {segments_text(plan.segments)}"
    if plan.also is not None:
        yield f"and of {plan.also.lora}: {segments_text(plan.also.segments)}"
    yield f"Weights:    {weights}; all other blocks stay as they are"
    yield f"Trials:     at most {plan.trials}, by {sampler}, seed {plan.seed}"


def found_lines(plan: SearchPlan) -> Iterator[str]:
    """The references and the choices: a line each with what was found in the scenes that were searched in, and below
    it in those held out; then the choices' weights. Nothing before the search is complete."""
    if not plan.choices:
        return
    wishes = parse_wishes(plan.wishes)
    head = ["", "blocks", *(wish.text for wish in wishes)]
    rows = [head]
    named: list[tuple[str, str, SearchChoice | SearchReference]] = [
        *((each.label, "", each) for each in plan.references),
        *((str(number), str(plan.changed(each.weights)), each) for number, each in enumerate(plan.choices, 1)),
    ]
    for name, changed, each in named:
        rows.append([name, changed, *(_value(wish, span) for wish, span in zip(wishes, each.searched, strict=True))])
        rows.append(["  held out", "", *(span_text(wish, span) for wish, span in zip(wishes, each.held, strict=True))])
    yield from _table(rows)
    yield ""
    for number, each in enumerate(plan.choices, 1):
        yield f"{number}: {point_text(plan, each.weights)}"


def span_text(wish: Wish, span: Span) -> str:
    """`93 % (91 to 95)`, `4.2 (1.0 to 7.4)`, or the mean alone."""
    mean = _value(wish, span)
    if span.low is None or span.high is None:
        return mean
    low, high = (_rounded(wish, end) for end in (span.low, span.high))
    return f"{mean} ({low} to {high})"


def point_text(plan: SearchPlan, point: Sequence[float]) -> str:
    """`a 0.5 (IN01,IN02), b 1 (OUT07)`."""
    also = [] if plan.also is None else [(plan.also.weights.layout, each) for each in plan.also.segments]
    named = [*((plan.weights.layout, each) for each in plan.segments), *also]
    return ", ".join(
        f"{each.name} {format_weight(weight)} ({block_text(each.blocks, layout) or 'REST'})"
        for (layout, each), weight in zip(named, point, strict=True)
    )


def search_facts(plan: SearchPlan) -> dict[str, object]:
    """The search as plain values."""
    return {
        "search": plan.number,
        "objectives": [wish.text for wish in parse_wishes(plan.wishes)],
        "segments": segments_text(plan.segments),
        "also": None if plan.also is None else {"lora": plan.also.lora, "segments": segments_text(plan.also.segments)},
        "grid": list(plan.grid),
        "between": None if plan.grid else list(plan.limits),
        "trials": plan.trials,
        "sampler": plan.sampler,
        "seed": plan.seed,
        "scenes": [{"label": scene.label, "seed": scene.seed} for scene in plan.scenes],
        "held_scenes": [{"label": scene.label, "seed": scene.seed} for scene in plan.held],
        "references": [{"label": each.label, **spans_facts(each)} for each in plan.references],
        "choices": [
            {
                "choice": number,
                "trial": each.trial,
                "changed": plan.changed(each.weights),
                "weights": weights_facts(plan.weights_of(each.weights, plan.weights.name)),
                "also": None if (also := plan.also_of(each.weights)) is None else weights_facts(also),
                **spans_facts(each),
            }
            for number, each in enumerate(plan.choices, 1)
        ],
        "folder": plan.folder,
    }


def _value(wish: Wish, span: Span) -> str:
    return f"{_rounded(wish, span.mean)} %" if wish.share else _rounded(wish, span.mean)


def _rounded(wish: Wish, value: float) -> str:
    """A share in percent, a cosine, or levels; no -0."""
    if wish.share:
        return f"{round(100 * value) + 0:d}"
    digits = 3 if wish.needs_model else 1
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _seeds(plan: SearchPlan) -> str:
    return ", ".join(str(seed) for seed in dict.fromkeys(scene.seed for scene in plan.held))
