"""A tuning project's analysis in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

from blockweight.blocks import REST
from blockweight.measure import ASPECTS, CHANGE, DIFF, INSIDE, MOST_MORE, OUTSIDE, Effect, Ground, Verdict
from blockweight.plan import group_name
from blockweight.project import TuningState
from blockweight.report import decimals_for
from blockweight.weights import format_weight, plain_number
from blockweight.workflow.analysis.figures import figures_of
from blockweight.workflow.analysis.findings import Findings, difference_facts
from blockweight.workflow.analysis.text import findings_lines
from blockweight.workflow.analysis_figures import Figures
from blockweight.workflow.analysis_files import kept_findings
from blockweight.workflow.analysis_view import AnalysedBlock, AnalysisPair, AnalysisView, analysis_view
from blockweight.workflow.project_analysis import has_rest
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_text import cost_facts, scene_facts, step_facts


def analysis_lines(tuning: TuningProject, view: AnalysisView) -> Iterator[str]:
    """The measured blocks, strongest first, with what is suggested and why; then what can be done."""
    plan = view.plan
    yield f"Range:    {format_weight(plan.value)} for the block under test, {format_weight(plan.base)} for the others"
    if view.folder:
        yield from findings_lines(kept_findings(tuning.folder / view.folder))
    settled = [each.block for each in view.blocks if each.suggestion and each.suggestion.verdict is not Verdict.UNKNOWN]
    if view.number is not None and settled:
        yield "Apply the suggestions with 'blockweight tune apply', all or some blocks."


def page_facts(tuning: TuningProject) -> dict[str, object]:
    """What a page shows on which a project is analysed: the planned analysis (None without one), the layout's blocks
    (and REST where the LoRA has modules of it) with their weights, what the LoRA has of them, and what undo and redo
    would do."""
    state = tuning.state()
    view = analysis_view(tuning)
    layout = state.subject.layout
    rest = _rest(state, view)
    return {
        "version": state.version,
        "layout": [*layout.blocks, *rest],
        "present": [*state.subject.blocks, *rest],
        "weights": {block: format_weight(state.weights.weight(block)) for block in (*layout.blocks, *rest)},
        "fixed": list(state.fixed),
        "undo": None if state.undo is None else step_facts(state.undo, layout),
        "redo": None if state.redo is None else step_facts(state.redo, layout),
        "analysis": None if view is None else analysis_facts(view),
    }


def _rest(state: TuningState, view: AnalysisView | None) -> tuple[str, ...]:
    """REST, where the LoRA has modules of it or it is analysed, else nothing."""
    return (REST,) if has_rest(state) or (view is not None and REST in view.plan.blocks) else ()


def analysis_facts(view: AnalysisView) -> dict[str, object]:
    """The analysis as plain values; what is not measured is null, and so is an interval without an end."""
    plan = view.plan
    return {
        "plan": plan.number,
        "number": view.number,
        "range": [plain_number(plan.value), plain_number(plan.base)],
        "threshold": plan.threshold,
        "method": plan.method,
        "adaptive": plan.adaptive,
        "aspects": list(plan.aspects),
        "aims": list(plan.aims),
        "pairs": plan.pairs,
        "levels": plan.levels,
        "part": plan.part,
        "folder": view.folder,
        "masks": list(plan.masks),
        "region": plan.region,
        "scenes": [scene_facts(scene) for scene in plan.scenes],
        "sources": [{"key": key, "ready": ready} for key, ready in view.sources],
        "stale": view.stale,
        "cost": cost_facts(view.cost),
        "suggested_from": view.suggested_from,
        "typical": view.typical,
        "blocks": [_block(each, view.findings) for each in view.blocks],
        "measures": _measures(view),
        "figures": [] if view.findings is None else list(figures_of(view.findings)),
        "work": None if view.findings is None else asdict(view.findings.work),
        "seeds": None if view.findings is None else _seeds(view.findings),
    }


def _seeds(findings: Findings) -> dict[str, object] | None:
    found = (findings.yardstick or {}).get(CHANGE)
    return None if found is None else difference_facts(found)


_LIVE = {DIFF: "diff", CHANGE: "overall", f"{CHANGE}:{INSIDE}": "inside", f"{CHANGE}:{OUTSIDE}": "outside"}
"""The aspects that are measured as the pictures come, by what the page calls them."""


def _measures(view: AnalysisView) -> list[dict[str, object]]:
    """What blocks can be ranked by: the name of the effect, its aspect, region and unit."""
    if view.plan.method == "eba":
        names = {live: aspect for aspect, live in _LIVE.items() if view.plan.masks or live not in ("inside", "outside")}
    else:
        names = {}
    for aspect in () if view.findings is None else view.findings.table.aspects:
        if aspect not in names.values():
            names[aspect] = aspect
    return [_measure(name, aspect, view.plan.method) for name, aspect in names.items()]


_OWN_SIZES = {"probe": "estimate", "sketch": "prediction"}
"""What the methods measure whose sizes are none of a finished picture."""


def _measure(name: str, aspect: str, method: str) -> dict[str, object]:
    kind, _, region = aspect.partition(":")
    unit = next((each.unit for each in ASPECTS if each.name == kind), "levels")
    if kind == CHANGE and method in _OWN_SIZES:
        kind, unit = _OWN_SIZES[method], ""
    return {"name": name, "aspect": kind, "region": region, "unit": unit}


def _further(each: AnalysedBlock, findings: Findings | None, method_live: bool) -> dict[str, Effect]:
    if findings is None:
        return {}
    aspects = [aspect for aspect in findings.table.aspects if not (method_live and aspect in _LIVE)]
    found = {aspect: findings.table.effect(aspect, each.block) for aspect in aspects}
    return {aspect: effect for aspect, effect in found.items() if effect is not None}


def _block(each: AnalysedBlock, findings: Findings | None) -> dict[str, object]:
    effects = each.effects
    measures = {} if effects is None else {
        "diff": effects.diff, "overall": effects.overall, "inside": effects.inside, "outside": effects.outside,
    }  # fmt: skip
    further = _further(each, findings, bool(each.pairs))
    group = () if findings is None else findings.bounded.get(each.block, ())
    return {
        "block": each.block,
        # A suggestion fixes a block, and REST is none.
        "applicable": each.block != REST,
        # What was measured is the group's, so each of its blocks' own sizes is at most that.
        "group": group_name(group) if group else "",
        "pairs": [_pair(pair) for pair in each.pairs],
        "effects": {
            **{name: _effect(effect, 2) for name, effect in measures.items() if effect is not None},
            **{
                name: _bound(effect, findings, name) if group else _effect(effect, decimals_for(abs(effect.mean)))
                for name, effect in further.items()
            },
        },
        "verdict": None if each.suggestion is None else each.suggestion.verdict.value,
        "reasons": [] if each.suggestion is None else list(each.suggestion.reasons),
        "ground": None
        if each.suggestion is None or each.suggestion.ground is None
        else _ground(each.suggestion.ground),
        "applied": None if each.applied is None else each.applied.analysis,
    }


def _ground(ground: Ground) -> dict[str, object]:
    ratio = ground.ratio
    span = None if ratio is None else {"mean": ratio.mean, "low": ratio.low, "high": _end(ratio.high)}
    return {
        "kind": ground.kind.value,
        "seeds": ground.seeds,
        "floor": ground.floor,
        "ratio": span,
        "typical": ground.typical,
        "at_least": ground.at_least,
        "more": ground.more,
        "most": MOST_MORE,
    }


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pair(pair: AnalysisPair) -> dict[str, object]:
    keys = {"source": pair.source, "changed": pair.changed}
    ready = {"source_ready": pair.source_ready, "changed_ready": pair.changed_ready}
    return {**keys, **ready, "figures": None if pair.figures is None else _figures(pair.figures)}


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "diff": figures.diff, "overall": figures.overall, "inside": figures.inside, "outside": figures.outside,
    }  # fmt: skip


def _effect(effect: Effect, decimals: int) -> dict[str, object]:
    low, high = map(_end, effect.interval)
    samples, text = list(effect.samples), effect.text(decimals)
    return {"mean": effect.mean, "low": low, "high": high, "samples": samples, "text": text, "decimals": decimals}


def _bound(effect: Effect, findings: Findings | None, aspect: str) -> dict[str, object]:
    """A group's effect as that of one of its blocks: `most` says that it is an upper bound, which of an objective, that
    may fall as well as rise, it is not."""
    decimals = decimals_for(abs(effect.mean))
    most = findings is None or aspect not in findings.aims
    return {**_effect(effect, decimals), "text": f"{effect.mean:.{decimals}f}", "most": most}
